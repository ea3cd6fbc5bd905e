//! Groups of arguments that the commands under `migrate state` share.

use std::path::PathBuf;
use std::time::Duration;

use state_map::wire::key::Space;

use crate::cli::Error;
use crate::cli::args::{duration, positive_duration};
use crate::cli::confirm::{Answer, ask};
use crate::clients::SecretUrl;
use crate::config::topology::{DEFAULT_FILE, Reference, Topology};
use crate::output::Output;
use crate::output::state::progress::StateProgress;
use crate::signal;
use crate::state::helm::Manner;
use crate::state::journal::default_path;
use crate::state::preflight::Terms;
use crate::state::verify::maps::MapName;
use crate::state::{Helm, Refusal, Seen, StateError, Target};

/// Which Redis, and which migration in it.
#[derive(Debug, clap::Args)]
pub struct TargetArgs {
    /// The Redis that state moves to; env:NAME or file:PATH for one with a password. Without it, the one in
    /// scalectl.yaml
    #[arg(long, value_name = "URL", env = "SCALECTL_REDIS_URL", hide_env_values = true)]
    redis: Option<Reference>,
    /// The file that names the systems
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, env = "SCALECTL_CONFIG")]
    config: PathBuf,
    /// The environment in that file
    #[arg(long, value_name = "NAME", env = "SCALECTL_ENV")]
    env: Option<String>,
    /// The name under which the instances look for the migration
    #[arg(long, value_name = "NAME", default_value = Space::DEFAULT, value_parser = namespace)]
    namespace: String,
    /// How long connecting, or one answer of Redis, may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    answer_timeout: Duration,
}

impl TargetArgs {
    /// The Redis that is meant.
    pub fn resolve(&self) -> Result<Target, Error> {
        Ok(Target { url: self.url()?, namespace: self.namespace.clone(), timeout: self.answer_timeout })
    }

    fn url(&self) -> Result<SecretUrl, Error> {
        let usage = |error: &dyn std::fmt::Display| Error::Usage(error.to_string());
        if let Some(reference) = &self.redis {
            return reference.resolve().map_err(|error| usage(&error));
        }
        let file = self.config.display();
        if !self.config.exists() {
            let message =
                format!("no --redis was given and there is no {file}; try --redis redis://127.0.0.1:6379");
            return Err(Error::Usage(message));
        }
        let (document, topology) = Topology::load(&self.config)?;
        let (name, environment) = topology.environment(&document, self.env.as_deref())?;
        match &environment.redis {
            Some(reference) => reference.resolve().map_err(|error| usage(&error)),
            None => Err(Error::Usage(format!("{file}: the environment `{name}` names no redis"))),
        }
    }
}

/// A name that may stand between the braces of a key and in the name of a file.
fn namespace(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    match text {
        "" => Err("it must not be empty".to_owned()),
        _ if text.chars().all(fits) => Ok(text.to_owned()),
        _ => Err("letters, digits and - _ . : only".to_owned()),
    }
}

/// How a command steers.
#[derive(Debug, clap::Args)]
pub struct SteerArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    journal: JournalArgs,
    /// Clean rounds of sampled compares, in a row, that are wanted before read-new
    #[arg(long, value_name = "N", default_value_t = 3)]
    clean_rounds: u64,
    /// How long to wait for gates that open by themselves, and for the instances to acknowledge
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

/// On which terms a run begins.
#[derive(Debug, Clone, clap::Args)]
pub struct BeginArgs {
    /// Replicas that must have a write before it is acknowledged, from strict on
    #[arg(long, value_name = "N", default_value_t = 0)]
    replicas: u32,
    /// A map and the start of its keys, where no instance tells of it
    #[arg(long, value_name = "NAME=PREFIX")]
    map: Vec<MapName>,
    /// Allow that keys which stand under the maps' names already are deleted
    #[arg(long)]
    replace: bool,
    /// How long an instance may take to answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive_duration)]
    instance_timeout: Duration,
}

impl BeginArgs {
    /// What is looked at before.
    pub fn terms(&self) -> Terms {
        Terms {
            replicas: self.replicas,
            maps: self.map.clone(),
            replace: self.replace,
            patience: self.instance_timeout,
        }
    }
}

/// Where the journal is.
#[derive(Debug, clap::Args)]
pub struct JournalArgs {
    /// The journal on disk [default: .scalectl/state-NAMESPACE.jsonl]
    #[arg(long, value_name = "FILE", env = "SCALECTL_STATE_JOURNAL")]
    journal: Option<PathBuf>,
}

/// Whether the operator is asked.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ConfirmArgs {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Never ask: refuse what needs an answer
    #[arg(long, conflicts_with = "yes")]
    no_input: bool,
}

impl JournalArgs {
    /// Where it is.
    pub fn path(&self, target: &Target) -> PathBuf {
        self.journal.clone().unwrap_or_else(|| default_path(&target.namespace))
    }
}

impl SteerArgs {
    /// The Redis that is meant.
    pub fn target(&self) -> Result<Target, Error> {
        self.target.resolve()
    }

    /// How long to wait, if nothing else is said.
    pub fn patience(&self, default: Duration) -> Duration {
        self.timeout.unwrap_or(default)
    }

    /// Takes the helm, lets `steer` have it, and gives it back.
    pub async fn at_the_helm<T>(
        &self,
        command: &str,
        output: Output,
        patience: Duration,
        steer: impl AsyncFnOnce(&mut Helm<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let target = self.target.resolve()?;
        let path = self.journal.path(&target);
        let progress = StateProgress::start(output);
        let watcher = |seen: Seen<'_>| progress.show(&seen);
        let manner = Manner {
            command,
            journal: &path,
            clean_rounds: self.clean_rounds,
            interrupt: signal::interrupt(),
            watcher: &watcher,
        };
        let mut helm = Helm::take(target, manner, patience).await?;
        let outcome = steer(&mut helm).await;
        helm.release().await;
        outcome
    }
}

impl ConfirmArgs {
    /// Whether the operator has agreed beforehand.
    pub fn yes(self) -> bool {
        self.yes
    }

    /// Asks for a word; without it, nothing is changed.
    pub fn confirm(self, output: Output, question: &str, word: &str) -> Result<(), Error> {
        let refused = |text: &str| Error::from(StateError::from(Refusal::Unconfirmed(text.to_owned())));
        if self.yes {
            return Ok(());
        }
        let answer = if self.no_input { Answer::NobodyThere } else { ask(output, question, word)? };
        match answer {
            Answer::Given => Ok(()),
            Answer::Withheld => Err(refused("nothing was changed")),
            Answer::NobodyThere => Err(refused("nothing was changed: confirm with --yes")),
        }
    }
}
