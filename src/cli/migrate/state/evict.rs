//! `scalectl migrate state evict`

use std::time::Duration;

use state_map::control::Proof;

use super::args::SteerArgs;
use crate::Exit;
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::output;
use crate::state::Helm;
use crate::state::change::EvictionReport;

/// Drops an instance that does not answer.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The instance's name, as `status` shows it
    name: String,
    #[command(flatten)]
    steer: SteerArgs,
    /// You have made sure that its process is stopped, and will not resume
    #[arg(long)]
    stopped: bool,
    /// From strict on: drop it because its lease is over. Whether it is stopped has to be shown before going back
    #[arg(long, conflicts_with = "stopped")]
    lapsed: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Drops it, if the proof is enough. Without one the refusal says which is needed.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let proof = if args.stopped { Proof::Stopped } else { Proof::Lapsed };
    let drop_it = async |helm: &mut Helm<'_>| {
        if !args.stopped && !args.lapsed {
            helm.refuse_without_proof(&args.name).await?;
        }
        Ok(EvictionReport::from(helm.evict(&args.name, proof).await?))
    };
    let patience = args.steer.patience(Duration::ZERO);
    let report = args.steer.at_the_helm("evict", output, patience, drop_it).await?;
    let written = output.report(&report, output::state::change::render_eviction);
    written.map_err(io_error("the results could not be written"))?;
    Ok(Exit::Done)
}
