//! `scalectl loadtest validate`

use super::ScenarioArgs;
use crate::Exit;
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::load::scenario::plan::Summary;

/// Checks a scenario file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Compiles the file and says what it would do.
pub fn run(args: &Args) -> Outcome {
    let plan = args.scenario.compile(&args.scenario.load()?)?;
    let written = args.output.resolve().report(&plan.summary(), render);
    written.map_err(io_error("the results could not be written"))?;
    Ok(Exit::Done)
}

fn render(summary: &Summary) -> String {
    let notes = summary.notes.iter().map(|note| format!("\n  note        {note}"));
    format!(
        "{} is valid\n  scenarios   {}\n  load        {} users, {} s\n  report      {} rows, {} thresholds{}",
        summary.file,
        summary.scenarios.join(", "),
        summary.users,
        summary.duration_seconds,
        summary.rows,
        summary.thresholds,
        notes.collect::<String>()
    )
}
