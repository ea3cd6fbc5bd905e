//! `scalectl loadtest run`

use std::sync::Arc;

use super::{ScenarioArgs, ensure_allowed};
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::load;
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
    ensure_allowed(&plan.target, &args.allow_host)?;
    let title = args.scenario.file().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut progress = LoadProgress::start(output, &title);
    let result = load::run(plan, signal::interrupt(), |state| progress.update(state)).await;
    progress.finish();
    let report = result?;
    output.report(&report, output::load::render).map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}
