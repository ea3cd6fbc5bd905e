//! Groups of arguments that the commands under `migrate state` share.

use std::path::PathBuf;
use std::time::Duration;

use state_map::wire::key::Space;

use crate::cli::Error;
use crate::cli::args::positive_duration;
use crate::clients::SecretUrl;
use crate::config::topology::{DEFAULT_FILE, Reference, Topology};
use crate::state::Target;

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
