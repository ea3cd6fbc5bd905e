//! `scalectl loadtest`

pub mod compare;
mod reports;
pub mod run;
pub mod validate;
pub mod worker;
mod workers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{duration, positive_duration};
use crate::config::{Document, Mistakes};
use crate::load::{Overrides, Plan, compile_document};

/// The commands under `loadtest`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run a scenario file and judge the result by its thresholds
    Run(run::Args),
    /// Check a scenario file without sending anything
    Validate(validate::Args),
    /// Hold a run against earlier ones (exit 1 when it is worse, 3 when nothing can be said)
    Compare(compare::Args),
    /// Make load for a run that another machine leads
    Worker(worker::Args),
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
}

impl ScenarioArgs {
    /// The file, read.
    pub fn load(&self) -> Result<Document, Mistakes> {
        Document::load(&self.file)
    }

    /// The file worked out.
    pub fn compile(&self, document: &Document) -> Result<Plan, Mistakes> {
        compile_document(document, self.folder(), &self.overrides())
    }

    /// The folder that the file's own files are in.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What is to be changed in it.
    pub fn overrides(&self) -> Overrides {
        let Self { file: _, target, users, arrival_rate, duration, ramp } = self;
        Overrides {
            target: target.clone(),
            users: *users,
            arrival_rate: *arrival_rate,
            duration: *duration,
            ramp: *ramp,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1_000_000.0 => Ok(rate),
        _ => Err("write a number of arrivals a second, above 0 and at most 1000000".to_owned()),
    }
}
