//! `scalectl loadtest run`

use std::sync::Arc;

use super::allow::{AllowArgs, is_loopback};
use super::reports::ReportArgs;
use super::witnesses::WitnessArgs;
use super::workers::{Manner, WorkerArgs};
use super::{Loaded, ScenarioArgs};
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::load::worker::{Files, Job};
use crate::load::{self, Audience, LoadError, LoadReport, Overrides, Plan, Progress};
use crate::output::progress::LoadProgress;
use crate::{output, signal};

/// Runs a scenario file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    allow: AllowArgs,
    #[command(flatten)]
    workers: WorkerArgs,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    witnesses: WitnessArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Compiles, runs, reports.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let scenario = args.scenario.load()?;
    let plan = Arc::new(args.scenario.compile(&scenario)?);
    args.allow.ensure(&plan.target, output)?;
    args.reports.ensure_writable()?;
    let manner = args.workers.manner(&plan, is_loopback(&plan.target))?;
    plan.notes.iter().for_each(|note| output.note(&format!("note: {note}")));
    let title = args.scenario.file().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(line) = manner.line() {
        output.note(&line);
    }
    let (witnesses, onlookers) = args.witnesses.call(&plan, output).await?;
    let mut progress = LoadProgress::start(output, &title);
    let audience = Audience { watch: |state: &Progress| progress.update(state), onlookers };
    let result = make_load(&args.scenario, scenario, plan, manner, audience).await;
    progress.finish();
    let mut report = result?;
    witnesses.dismiss(&mut report).await?;
    output.report(&report, output::load::render).map_err(io_error("the results could not be written"))?;
    args.reports.write(|format| output::load::file(&report, format))?;
    Ok(report.exit())
}

async fn make_load(
    args: &ScenarioArgs,
    scenario: Loaded,
    plan: Arc<Plan>,
    manner: Manner,
    audience: Audience<impl FnMut(&Progress)>,
) -> Result<LoadReport, Error> {
    let (files, sources) = match &manner {
        Manner::Here { sources } => {
            return Ok(load::run(plan, sources, signal::interrupt(), audience).await?);
        }
        Manner::Processes(crews) => (Files::In(scenario.folder), crews.sources.clone()),
        // They know their own addresses.
        Manner::Met { .. } => (Files::gather(&scenario.document, &scenario.folder)?, Vec::new()),
    };
    // All draw from one seed.
    let overrides = Overrides { seed: Some(plan.seed), ..args.overrides() };
    let job = Job::new(scenario.texts, files, overrides, sources);
    let (workers, said, terms) = manner.gather().await?;
    let run = load::worker::run(plan, &job, workers, said, terms, signal::interrupt(), audience);
    Ok(run.await.map_err(LoadError::from)?)
}
