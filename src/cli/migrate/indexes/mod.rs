//! `scalectl migrate indexes`

pub mod advise;
pub mod apply;
pub mod capabilities;
pub mod history;
pub mod import;
pub mod plan;
pub mod rollback;
pub mod verify;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::args::{duration, positive_duration};
use crate::cli::confirm::{Answer, ask};
use crate::cli::{Error, Outcome, io_error};
use crate::clients::SecretUrl;
use crate::config::topology::{DEFAULT_FILE, Reference, Topology};
use crate::indexes::apply::{Application, Ending};
use crate::indexes::capability::Probe;
use crate::indexes::live::Deployment;
use crate::indexes::plan::{Allowances, Plan};
use crate::indexes::spec::Spec;
use crate::indexes::{IndexError, Refusal};
use crate::output::Output;
use crate::output::indexes::apply::{ApplyProgress, render};
use crate::{Exit, signal};

/// The commands under `migrate indexes`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Write a specification from Mongoose models, or from the indexes of a live server
    Import(Box<import::Args>),
    /// Show what would have to change, and why; changes nothing
    Plan(plan::Args),
    /// Make the changes of a plan, one by one
    Apply(apply::Args),
    /// Prove that the indexes are there and serve the declared queries; changes nothing
    Verify(verify::Args),
    /// Propose indexes from what the servers saw, and name those that could go; changes nothing
    Advise(advise::Args),
    /// Bring the indexes back to how they were
    Rollback(rollback::Args),
    /// Show who changed which index, and when
    History(history::Args),
    /// Find out which options of indexes the server keeps and enforces (exit 1 when it lacks one)
    Capabilities(capabilities::Args),
}

/// Runs one of them.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Import(args) => import::run(*args).await,
        Command::Plan(args) => plan::run(args).await,
        Command::Apply(args) => apply::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Advise(args) => advise::run(args).await,
        Command::Rollback(args) => rollback::run(args).await,
        Command::History(args) => history::run(args).await,
        Command::Capabilities(args) => capabilities::run(args).await,
    }
}

/// Which deployment.
#[derive(Debug, clap::Args)]
pub struct DeploymentArgs {
    /// MongoDB's URI; env:NAME or file:PATH for one with a password. Without it, the one in scalectl.yaml
    #[arg(long, value_name = "URI", env = "SCALECTL_MONGODB_URI", hide_env_values = true)]
    uri: Option<Reference>,
    /// The file that names the systems
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, env = "SCALECTL_CONFIG")]
    config: PathBuf,
    /// The environment in that file
    #[arg(long, value_name = "NAME", env = "SCALECTL_ENV")]
    env: Option<String>,
    /// How long connecting to a server may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive_duration)]
    timeout: Duration,
}

impl DeploymentArgs {
    /// Connects to it.
    pub async fn connect(&self) -> Result<Deployment, Error> {
        Ok(Deployment::connect(&self.uri()?, self.timeout).await?)
    }

    fn uri(&self) -> Result<SecretUrl, Error> {
        let usage = |error: &dyn std::fmt::Display| Error::Usage(error.to_string());
        if let Some(reference) = &self.uri {
            return reference.resolve().map_err(|error| usage(&error));
        }
        let file = self.config.display();
        if !self.config.exists() {
            let message =
                format!("no --uri was given and there is no {file}; try --uri mongodb://127.0.0.1:27017");
            return Err(Error::Usage(message));
        }
        let (document, topology) = Topology::load(&self.config)?;
        let (name, environment) = topology.environment(&document, self.env.as_deref())?;
        match &environment.mongodb {
            Some(reference) => reference.resolve().map_err(|error| usage(&error)),
            None => Err(Error::Usage(format!("{file}: the environment `{name}` names no mongodb"))),
        }
    }
}

/// Which specification.
#[derive(Debug, clap::Args)]
pub struct SpecArgs {
    /// The specification of the indexes [default: indexes.yaml]
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Apply a specification of one database to the database of this name
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

impl SpecArgs {
    /// Reads it.
    pub fn load(&self) -> Result<Spec, Error> {
        self.load_as("indexes.yaml")
    }

    /// Reads the one that was named, or else this one.
    pub fn load_as(&self, default: &str) -> Result<Spec, Error> {
        let spec = Spec::load(self.spec.as_deref().unwrap_or(Path::new(default)))?;
        match &self.database {
            Some(name) => Ok(spec.for_database(name)?),
            None => Ok(spec),
        }
    }
}

/// What is allowed beyond the ordinary.
#[derive(Debug, clap::Args)]
pub struct AllowArgs {
    /// Allow that an index is missing for the time of a build, where nothing can stand in for it
    #[arg(long)]
    allow_gap: bool,
    /// Allow that a TTL deletes documents that are old already
    #[arg(long)]
    allow_deletes: bool,
    /// Allow options that the server accepts and does not enforce
    #[arg(long)]
    allow_degraded: bool,
    /// How long an index stays hidden before it is dropped, instead of the specification's
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    soak: Option<Duration>,
}

/// How the server's abilities are found out.
#[derive(Debug, clap::Args)]
pub struct ProbeArgs {
    /// Make no scratch collection to find out what the server enforces: say what is known of it
    #[arg(long)]
    no_probes: bool,
}

impl ProbeArgs {
    /// The same for the domain.
    pub fn resolve(&self) -> Probe {
        if self.no_probes { Probe::FingerprintOnly } else { Probe::Active(signal::interrupt()) }
    }
}

impl AllowArgs {
    /// The same as the plan keeps it.
    pub fn resolve(&self) -> Allowances {
        Allowances {
            gap: self.allow_gap,
            deletes: self.allow_deletes,
            degraded: self.allow_degraded,
            soak_seconds: self.soak.map(|soak| soak.as_secs()),
        }
    }
}

/// How changes are made.
#[derive(Debug, clap::Args)]
pub struct WorkArgs {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// How long the deployment may be without a primary, or a member behind, before a step is given up
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = positive_duration)]
    member_timeout: Duration,
}

/// Asks at a terminal; elsewhere `--yes` is needed.
fn confirm(output: Output, question: &str) -> Result<(), Error> {
    let refused = |text: &str| Error::from(IndexError::from(Refusal::Unconfirmed(text.to_owned())));
    match ask(output, question, "yes")? {
        Answer::Given => Ok(()),
        Answer::Withheld => Err(refused("nothing was changed")),
        Answer::NobodyThere => {
            Err(refused("nothing was changed: confirm with --yes, or apply a plan that `plan --out` wrote"))
        }
    }
}

/// Makes a plan true, and prints what was done.
async fn perform(
    deployment: &mut Deployment,
    spec: &Spec,
    plan: &Plan,
    command: &'static str,
    work: &WorkArgs,
    output: Output,
) -> Outcome {
    let interrupt = signal::interrupt();
    let progress = ApplyProgress::start(output);
    let watcher = |event: crate::indexes::apply::Progress<'_>| progress.show(event);
    let (interrupt, member_timeout) = (&interrupt, work.member_timeout);
    let application =
        Application { deployment, spec, plan, command, watcher: &watcher, interrupt, member_timeout };
    let report = application.run().await?;
    drop(progress);
    output.report(&report, render).map_err(io_error("the results could not be written"))?;
    Ok(if report.ending == Ending::Interrupted { Exit::Interrupted } else { Exit::Done })
}
