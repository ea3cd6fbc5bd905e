//! Groups of arguments of `find-capacity`, and how they are read.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::args::positive_duration;
use crate::load::capacity::axis::Axis;

/// The highest level, when none is given: the most users that a scenario may have.
pub const HIGHEST: f64 = 1_000_000.0;

/// Where it searches.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Levels")]
pub struct LevelArgs {
    /// The first level of the climb [default: 10, for sockets 100, for messages 50]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub start: Option<f64>,
    /// The highest level to try; the baseline is 1 % of it [default: 1000000, the baseline then a tenth of --start]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub max: Option<f64>,
    /// Exit 1 when this level is not held
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub require: Option<f64>,
    /// How far apart the best level and the first that fails may be
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub tolerance: f64,
    /// How often the best level has to pass again
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub confirm: u32,
    /// Decides the order in which it is tried again
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// How a step is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Steps")]
pub struct MeasureArgs {
    /// How long a step is measured
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive_duration)]
    pub step_duration: Duration,
    /// How long load lasts before that; longer by itself where a scenario takes longer
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    pub warm_up: Duration,
    /// Users that may be under way at once where arrivals are turned up
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_users: u32,
    /// A step is invalid when 1 % of the generator's timers fire later than this
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = positive_duration)]
    pub max_lag: Duration,
}

/// How many instances there are.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Instances")]
pub struct InstanceArgs {
    /// How many instances the target has: comfortable load then survives the loss of one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), conflicts_with = "at")]
    pub instances: Option<u32>,
    /// Search once for each number of instances, at its address, or take the peak of an earlier JSON report; may be
    /// given several times, such as --at 1=http://one:8080 --at 2=http://two:8080 --at 4=four.json
    #[arg(long, value_name = "N=URL|FILE", value_parser = place)]
    pub at: Vec<Place>,
    /// Say how many instances this much goodput needs
    #[arg(long, value_name = "GOODPUT", value_parser = level, requires = "at")]
    pub plan_for: Option<f64>,
}

/// A number of instances, and where their peak is to be had.
#[derive(Debug, Clone)]
pub struct Place {
    /// The number of instances.
    pub instances: u32,
    /// Where.
    pub from: From,
}

/// Where a peak is to be had.
#[derive(Debug, Clone)]
pub enum From {
    /// From a search at this address.
    Search(String),
    /// From the report of an earlier one.
    Report(PathBuf),
}

/// A parser that names all axes.
pub fn axis_parser() -> impl TypedValueParser<Value = Axis> {
    PossibleValuesParser::new(Axis::ALL.map(Axis::word)).map(|word| {
        let found = Axis::ALL.into_iter().find(|axis| axis.word() == word);
        // The parser lets no other word through.
        found.unwrap_or(Axis::ArrivalRate)
    })
}

fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(level) if level > 0.0 && level <= HIGHEST => Ok(level),
        _ => Err("write a number above 0 and at most 1000000".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (1.0..=50.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write a percentage between 1% and 50%".to_owned()),
    }
}

fn place(text: &str) -> Result<Place, String> {
    let (instances, from) = text.split_once('=').ok_or("write N=URL or N=FILE")?;
    let instances = match instances.parse() {
        Ok(instances) if instances >= 1 => instances,
        _ => return Err(format!("`{instances}` is no number of instances")),
    };
    let is_url = from.starts_with("http://") || from.starts_with("https://");
    let from = if is_url { From::Search(from.to_owned()) } else { From::Report(from.into()) };
    Ok(Place { instances, from })
}
