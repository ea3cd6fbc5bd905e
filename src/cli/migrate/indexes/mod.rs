//! `scalectl migrate indexes`

pub mod import;
pub mod plan;

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::positive_duration;
use crate::cli::{Error, Outcome};
use crate::clients::SecretUrl;
use crate::config::topology::{DEFAULT_FILE, Reference, Topology};
use crate::indexes::live::Deployment;
use crate::indexes::spec::Spec;

/// The commands under `migrate indexes`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what would have to change, and why; changes nothing
    Plan(plan::Args),
    /// Write a specification from Mongoose models, or from the indexes of a live server
    Import(Box<import::Args>),
}

/// Runs one of them.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Plan(args) => plan::run(args).await,
        Command::Import(args) => import::run(*args).await,
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
    /// The specification of the indexes
    #[arg(long, value_name = "FILE", default_value = "indexes.yaml")]
    spec: PathBuf,
    /// Apply a specification of one database to the database of this name
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

impl SpecArgs {
    /// Reads it.
    pub fn load(&self) -> Result<Spec, Error> {
        let spec = Spec::load(&self.spec)?;
        match &self.database {
            Some(name) => Ok(spec.for_database(name)?),
            None => Ok(spec),
        }
    }
}
