//! `scalectl migrate indexes rollback`

use super::{AllowArgs, DeploymentArgs, WorkArgs, confirm, perform};
use crate::cli::Outcome;
use crate::cli::args::OutputArgs;
use crate::indexes::apply::journal;
use crate::indexes::capability::Probe;
use crate::indexes::history::spec_of;
use crate::indexes::plan::Plan;
use crate::{Exit, output, signal};

/// Brings the indexes back to how they were.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The database
    #[arg(long, value_name = "NAME")]
    database: String,
    /// Back to how it was after this entry of the history, 0 for before the first [default: before the last run]
    #[arg(long, value_name = "ENTRY")]
    to: Option<i64>,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    allow: AllowArgs,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Plans the way back, and goes it.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let mut deployment = args.deployment.connect().await?;
    let entries = journal::read(&deployment, &args.database).await?;
    let spec = spec_of(&args.database, &entries, args.to)?;
    // The way back must not depend on leave to make scratch collections: what was there was possible.
    let plan = Plan::make(&deployment, &spec, &args.allow.resolve(), &Probe::FingerprintOnly).await?;
    if signal::interrupt().is_cancelled() {
        return Ok(Exit::Interrupted);
    }
    output.story_aside(&output::indexes::plan::render(&plan));
    if !plan.is_blocked() && !plan.changes.is_empty() && !args.work.yes {
        confirm(output, "Go back?")?;
    }
    perform(&mut deployment, &spec, &plan, "rollback", &args.work, output).await
}
