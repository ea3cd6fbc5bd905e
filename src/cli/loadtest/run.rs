//! `scalectl loadtest run`

use std::net::IpAddr;
use std::sync::Arc;

use super::ScenarioArgs;
use super::reports::ReportArgs;
use super::workers::{Manner, WorkerArgs};
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::config::Document;
use crate::load::worker::{Files, Job};
use crate::load::{self, LoadError, LoadReport, Plan, Progress};
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
    workers: WorkerArgs,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Compiles, runs, reports.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let document = args.scenario.load()?;
    let plan = Arc::new(args.scenario.compile(&document)?);
    ensure_allowed(&plan, &args.allow_host)?;
    args.reports.ensure_writable()?;
    let manner = args.workers.manner(&plan, is_loopback(&plan))?;
    let title = args.scenario.file().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(line) = manner.line() {
        output.note(&line);
    }
    let mut progress = LoadProgress::start(output, &title);
    let result = make_load(&args.scenario, document, plan, manner, |state| progress.update(state)).await;
    progress.finish();
    let report = result?;
    output.report(&report, output::load::render).map_err(io_error("the results could not be written"))?;
    args.reports.write(&report)?;
    Ok(report.exit())
}

async fn make_load(
    scenario: &ScenarioArgs,
    document: Document,
    plan: Arc<Plan>,
    manner: Manner,
    watch: impl FnMut(&Progress),
) -> Result<LoadReport, Error> {
    let (files, sources) = match &manner {
        Manner::Here { sources } => {
            return Ok(load::run(plan, sources, signal::interrupt(), watch).await?);
        }
        Manner::Processes(crews) => (Files::In(scenario.folder().to_owned()), crews.sources.clone()),
        // They know their own addresses.
        Manner::Met { .. } => (Files::gather(&document, scenario.folder())?, Vec::new()),
    };
    let job = Job::new(document, files, scenario.overrides(), sources);
    let (workers, said, terms) = manner.gather().await?;
    let run = load::worker::run(plan, &job, workers, said, terms, signal::interrupt(), watch);
    Ok(run.await.map_err(LoadError::from)?)
}

/// A slip in a URL must not become an attack on somebody else's server.
fn ensure_allowed(plan: &Plan, allowed: &[String]) -> Result<(), Error> {
    let host = host(plan);
    if is_loopback(plan) || allowed.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "load on {host} was not allowed; if the host is yours to load, add --allow-host {host}"
    )))
}

fn host(plan: &Plan) -> &str {
    plan.target.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// Whether the target is this machine itself.
fn is_loopback(plan: &Plan) -> bool {
    host(plan) == "localhost" || host(plan).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
