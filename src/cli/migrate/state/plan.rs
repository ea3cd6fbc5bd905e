//! `scalectl migrate state plan`

use std::time::Duration;

use super::args::TargetArgs;
use crate::cli::args::{OutputArgs, positive_duration};
use crate::cli::{Outcome, io_error};
use crate::output::state::plan::render;
use crate::state::preflight::{Terms, preflight};
use crate::state::verify::maps::MapName;
use crate::{Exit, signal};

/// Looks whether a migration may begin, and shows its phases.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Replicas that must have a write before it is acknowledged, from strict on
    #[arg(long, value_name = "N", default_value_t = 0)]
    replicas: u32,
    /// A map and the start of its keys, where no instance tells of it
    #[arg(long, value_name = "NAME=PREFIX")]
    map: Vec<MapName>,
    /// Allow that keys which stand under the maps' names already are deleted
    #[arg(long)]
    replace: bool,
    /// How long an instance may take to answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive_duration)]
    instance_timeout: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

/// Looks, and prints what was found.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let target = args.target.resolve()?;
    let Args { replicas, map: maps, replace, instance_timeout: patience, .. } = args;
    let terms = Terms { replicas, maps, replace, patience };
    let interrupt = signal::interrupt();
    let report = tokio::select! {
        report = preflight(&target, &terms) => report?,
        () = interrupt.cancelled() => return Ok(Exit::Interrupted),
    };
    output.report(&report, render).map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}
