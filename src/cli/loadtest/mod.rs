//! `scalectl loadtest`

pub mod import;
pub mod list;
pub mod run;
pub mod validate;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{duration, positive_duration};
use crate::config::Mistakes;
use crate::load::{Overrides, Plan, compile};

/// The commands under `loadtest`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run a scenario file and judge the result by its thresholds
    Run(run::Args),
    /// Check a scenario file without sending anything
    Validate(validate::Args),
    /// Write a scenario from a recording, a log or an API document
    #[command(subcommand)]
    Import(import::Command),
    /// Name the scenarios that are shipped, or print one
    List(list::Args),
}

/// A scenario file and what to change in it.
#[derive(Debug, clap::Args)]
pub struct ScenarioArgs {
    /// The scenario file
    file: PathBuf,
    /// Base URL of the system under test, instead of the file's
    #[arg(long, value_name = "URL", env = "SCALECTL_TARGET")]
    target: Option<String>,
    /// Run with this many users instead of the file's phases
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: Option<u32>,
    /// Run with this many arrivals a second instead of the file's phases; --users bounds those under way
    #[arg(long, value_name = "N", value_parser = rate)]
    arrival_rate: Option<f64>,
    /// How long load lasts [default: as long as the file's phases]
    #[arg(long, short, value_name = "DURATION", value_parser = positive_duration)]
    duration: Option<Duration>,
    /// How long the users take to start, within that time [default: a fifth of it, at most 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    ramp: Option<Duration>,
    /// Lay the settings of this environment, from `config.environments`, over the others
    #[arg(long, short, value_name = "NAME")]
    environment: Option<String>,
    /// Take settings that the scenario file does not have from this file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make the random choices of an earlier run again; its report names the seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl ScenarioArgs {
    /// The file worked out.
    pub fn compile(&self) -> Result<Plan, Mistakes> {
        compile(&self.file, &self.overrides())
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn overrides(&self) -> Overrides {
        let Self { file: _, target, users, arrival_rate, duration, ramp, environment, seed, config } = self;
        Overrides {
            target: target.clone(),
            users: *users,
            arrival_rate: *arrival_rate,
            duration: *duration,
            ramp: *ramp,
            environment: environment.clone(),
            seed: *seed,
            config: config.clone(),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1_000_000.0 => Ok(rate),
        _ => Err("write a number of arrivals a second, above 0 and at most 1000000".to_owned()),
    }
}
