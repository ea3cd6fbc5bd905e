//! `scalectl migrate indexes verify`

use super::{DeploymentArgs, SpecArgs};
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::indexes::verify::verify;
use crate::{Exit, output, signal};

/// Proves that every member has the declared indexes and that they serve the declared queries.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Verifies, and prints what was found.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let spec = args.spec.load()?;
    let interrupt = signal::interrupt();
    let verified = async {
        let deployment = args.deployment.connect().await?;
        Ok::<_, crate::cli::Error>(verify(&deployment, &spec).await?)
    };
    let report = tokio::select! {
        report = verified => report?,
        () = interrupt.cancelled() => return Ok(Exit::Interrupted),
    };
    output
        .report(&report, output::indexes::verify::render)
        .map_err(io_error("the results could not be written"))?;
    Ok(report.verdict.exit())
}
