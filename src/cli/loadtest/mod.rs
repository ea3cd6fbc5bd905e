//! `scalectl loadtest`

pub mod find_capacity;
pub mod run;
pub mod validate;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::Error;
use super::args::{duration, positive_duration};
use crate::config::Mistakes;
use crate::load::{Overrides, Plan, compile};

/// The commands under `loadtest`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run a scenario file and judge the result by its thresholds
    Run(run::Args),
    /// Find out what a system holds: comfortably, at most, and where it breaks
    FindCapacity(Box<find_capacity::Args>),
    /// Check a scenario file without sending anything
    Validate(validate::Args),
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
    /// The file worked out.
    pub fn compile(&self) -> Result<Plan, Mistakes> {
        compile(&self.file, &self.overrides())
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn overrides(&self) -> Overrides {
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

/// A slip in a URL must not become an attack on somebody else's server.
fn ensure_allowed(target: &Url, allowed: &[String]) -> Result<(), Error> {
    let host = target.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if is_loopback(target) || allowed.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "load on {host} was not allowed; if the host is yours to load, add --allow-host {host}"
    )))
}

/// Whether a URL is one of this machine's own.
fn is_loopback(target: &Url) -> bool {
    let host = target.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
