//! `scalectl loadtest run`

use std::net::IpAddr;
use std::sync::Arc;

use super::ScenarioArgs;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::load::{self, Plan};
use crate::output::progress::LoadProgress;
use crate::{output, signal};

/// Runs a scenario file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Allow load on this host; hosts other than this machine's own have to be named
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Compiles, runs, reports.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let plan = Arc::new(args.scenario.compile()?);
    ensure_allowed(&plan, &args.allow_host)?;
    plan.notes.iter().for_each(|note| output.note(&format!("note: {note}")));
    let title = args.scenario.file().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut progress = LoadProgress::start(output, &title);
    let result = load::run(plan, signal::interrupt(), |state| progress.update(state)).await;
    progress.finish();
    let report = result?;
    output.report(&report, output::load::render).map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}

/// A slip in a URL must not become an attack on somebody else's server.
fn ensure_allowed(plan: &Plan, allowed: &[String]) -> Result<(), Error> {
    let host = plan.target.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if is_loopback || allowed.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "load on {host} was not allowed; if the host is yours to load, add --allow-host {host}"
    )))
}
