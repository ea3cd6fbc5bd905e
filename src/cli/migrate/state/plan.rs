//! `scalectl migrate state plan`

use super::args::{BeginArgs, TargetArgs};
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::output::state::plan::render;
use crate::state::preflight::preflight;
use crate::{Exit, signal};

/// Looks whether a migration may begin, and shows its phases.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    begin: BeginArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Looks, and prints what was found.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let target = args.target.resolve()?;
    let terms = args.begin.terms();
    let interrupt = signal::interrupt();
    let report = tokio::select! {
        report = preflight(&target, &terms) => report?,
        () = interrupt.cancelled() => return Ok(Exit::Interrupted),
    };
    output.report(&report, render).map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}
