//! `scalectl migrate indexes history`

use super::DeploymentArgs;
use crate::Exit;
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::indexes::apply::journal;
use crate::indexes::history::HistoryReport;
use crate::output;

/// Shows who changed which index, and when.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The database
    #[arg(long, value_name = "NAME")]
    database: String,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the history; fails when it was changed.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let deployment = args.deployment.connect().await?;
    let report = HistoryReport::new(&args.database, journal::read(&deployment, &args.database).await?);
    let written = output.report(&report, output::indexes::history::render);
    written.map_err(io_error("the results could not be written"))?;
    Ok(if report.flaws.is_empty() { Exit::Done } else { Exit::Failed })
}
