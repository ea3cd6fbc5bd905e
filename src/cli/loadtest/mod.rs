//! `scalectl loadtest`

mod allow;
pub mod clean;
pub mod compare;
mod exports;
pub mod find_capacity;
pub mod import;
pub mod list;
mod reports;
pub mod run;
mod sources;
pub mod validate;
mod web;
mod witnesses;
pub mod worker;
mod workers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::{duration, positive_duration};
use crate::config::{Document, Mistakes};
use crate::load::scenario::model::Pattern;
use crate::load::scenario::source::SourceText;
use crate::load::{Overrides, Plan, compile_document};

/// The commands under `loadtest`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run a scenario file and judge the result by its thresholds
    Run(Box<run::Args>),
    /// Find out what a system holds: comfortably, at most, and where it breaks
    FindCapacity(Box<find_capacity::Args>),
    /// Check a scenario file without sending anything
    Validate(validate::Args),
    /// Hold a run against earlier ones (exit 1 when it is worse, 3 when nothing can be said)
    Compare(compare::Args),
    /// Make load for a run that another machine leads
    Worker(worker::Args),
    /// Write a scenario from a recording, a log or an API document
    #[command(subcommand)]
    Import(import::Command),
    /// Remove the data that runs have left behind
    Clean(Box<clean::Args>),
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
    /// How often each user goes through its scenario, within the duration
    #[arg(long, value_name = "N", conflicts_with_all = ["arrival_rate", "shape"],
          value_parser = clap::value_parser!(u32).range(1..))]
    iterations: Option<u32>,
    /// A named course that reaches --users or --arrival-rate at its height; its phases have names of their own
    #[arg(long, value_name = "SHAPE", conflicts_with = "ramp", value_parser = shape())]
    shape: Option<Pattern>,
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

/// A scenario file, read.
#[derive(Debug)]
pub struct Loaded {
    /// What is in it, and in the settings beside it.
    pub document: Document,
    /// The folder of the files that it names.
    pub folder: PathBuf,
    /// The texts themselves.
    pub texts: Vec<SourceText>,
}

impl ScenarioArgs {
    /// The file, read, with the settings beside it.
    pub fn load(&self) -> Result<Loaded, Mistakes> {
        let document = Document::load(&self.file)?;
        let folder = folder_of(&self.file);
        let texts = vec![SourceText::of(&document)];
        let Some(config) = &self.config else { return Ok(Loaded { document, folder, texts }) };
        let has_payload = document.value.pointer("/config/payload").is_some();
        let settings = Document::load(config)?;
        let texts = vec![SourceText::of(&document), SourceText::of(&settings)];
        // A payload is looked for where the file is that names it.
        let folder = if has_payload { folder } else { folder_of(config) };
        Ok(Loaded { document: document.over(settings), folder, texts })
    }

    /// The file worked out.
    pub fn compile(&self, loaded: &Loaded) -> Result<Plan, Mistakes> {
        compile_document(&loaded.document, &loaded.folder, &self.overrides())
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What is to be changed in it.
    pub fn overrides(&self) -> Overrides {
        let Self {
            file: _,
            target,
            users,
            arrival_rate,
            duration,
            ramp,
            iterations,
            shape,
            environment,
            seed,
            config: _,
        } = self;
        Overrides {
            target: target.clone(),
            users: *users,
            arrival_rate: *arrival_rate,
            duration: *duration,
            ramp: *ramp,
            iterations: *iterations,
            shape: *shape,
            environment: environment.clone(),
            seed: *seed,
        }
    }
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new(".")).to_owned()
}

fn shape() -> impl TypedValueParser<Value = Pattern> {
    PossibleValuesParser::new(Pattern::NAMED.map(|(name, _)| name)).map(|given| {
        let named = Pattern::NAMED.into_iter().find(|(name, _)| *name == given);
        named.map_or(Pattern::Load, |(_, pattern)| pattern)
    })
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1_000_000.0 => Ok(rate),
        _ => Err("write a number of arrivals a second, above 0 and at most 1000000".to_owned()),
    }
}
