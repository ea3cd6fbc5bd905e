//! `scalectl migrate indexes apply`

use std::path::PathBuf;

use super::{AllowArgs, DeploymentArgs, ProbeArgs, SpecArgs, WorkArgs, confirm, perform};
use crate::cli::Outcome;
use crate::cli::args::OutputArgs;
use crate::indexes::plan::{Plan, file};
use crate::indexes::spec::Spec;
use crate::{Exit, output, signal};

/// Makes the specification true.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan that `plan --out` wrote; without one, a plan is made now and has to be confirmed
    plan: Option<PathBuf>,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    allow: AllowArgs,
    #[command(flatten)]
    probe: ProbeArgs,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Applies a plan.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let (spec, planned) = match &args.plan {
        Some(path) => {
            let plan = file::load(path)?;
            (of_plan(&args.spec, &plan)?, Some(plan))
        }
        None => (args.spec.load()?, None),
    };
    let mut deployment = args.deployment.connect().await?;
    let plan = match planned {
        Some(plan) => plan,
        None => {
            let plan = Plan::make(&deployment, &spec, &args.allow.resolve(), &args.probe.resolve()).await?;
            if signal::interrupt().is_cancelled() {
                return Ok(Exit::Interrupted);
            }
            output.story_aside(&output::indexes::plan::render(&plan));
            if !plan.is_blocked() && !plan.changes.is_empty() && !args.work.yes {
                confirm(output, "Make these changes?")?;
            }
            plan
        }
    };
    perform(&mut deployment, &spec, &plan, "apply", &args.work, output).await
}

/// The specification from which the plan was made, for the database for which it was made.
fn of_plan(args: &SpecArgs, plan: &Plan) -> Result<Spec, crate::cli::Error> {
    let spec = args.load_as(&plan.spec.name)?;
    let planned: Vec<&String> = plan.states.keys().collect();
    match (&spec.databases[..], &planned[..]) {
        ([only], [name]) if only.name != **name => Ok(spec.for_database(name)?),
        _ => Ok(spec),
    }
}
