//! `scalectl migrate indexes plan`

use super::{DeploymentArgs, SpecArgs};
use crate::Exit;
use crate::cli::Outcome;
use crate::cli::args::OutputArgs;
use crate::indexes::live::read_database;

/// Compares the specification with the servers.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Plans, and prints the plan.
pub async fn run(args: Args) -> Outcome {
    let _output = args.output.resolve();
    let spec = args.spec.load()?;
    let deployment = args.deployment.connect().await?;
    for database in &spec.databases {
        let _live = read_database(&deployment, &database.name, |_| true).await?;
    }
    Ok(Exit::Done)
}
