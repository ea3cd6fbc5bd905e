//! `scalectl migrate indexes plan`

use std::path::PathBuf;

use super::{AllowArgs, DeploymentArgs, ProbeArgs, SpecArgs};
use crate::Exit;
use crate::cli::{Outcome, io_error};
use crate::indexes::plan::{Plan, file};
use crate::output::{self, Format, Output};
use crate::signal;

/// Compares the specification with the servers.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    allow: AllowArgs,
    #[command(flatten)]
    probe: ProbeArgs,
    /// Keep the plan in a file, for `apply`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 1 when there is something to do
    #[arg(long)]
    detailed_exit_code: bool,
    /// How the plan is written to stdout
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: PlanFormat,
    /// Print the plan and errors only
    #[arg(long, short)]
    quiet: bool,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PlanFormat {
    /// For people.
    Table,
    /// For programs, in a stable layout.
    Json,
    /// For a pull request.
    Markdown,
}

/// Plans, and prints the plan.
pub async fn run(args: Args) -> Outcome {
    let output =
        Output::new(if args.output == PlanFormat::Json { Format::Json } else { Format::Table }, args.quiet);
    let spec = args.spec.load()?;
    let deployment = args.deployment.connect().await?;
    let plan = Plan::make(&deployment, &spec, &args.allow.resolve(), &args.probe.resolve()).await?;
    if signal::interrupt().is_cancelled() {
        return Ok(Exit::Interrupted);
    }
    let written = match args.output {
        PlanFormat::Markdown => output.result(&output::indexes::plan::markdown(&plan)),
        PlanFormat::Table | PlanFormat::Json => output.report(&plan, output::indexes::plan::render),
    };
    written.map_err(io_error("the results could not be written"))?;
    if let Some(path) = &args.out {
        file::save(&plan, path)?;
        output.note(&format!(
            "the plan is in {0}; to make it true: scalectl migrate indexes apply {0}",
            path.display()
        ));
    }
    if args.out.is_none() && !plan.is_blocked() && !plan.changes.is_empty() {
        output.note("to make these changes: scalectl migrate indexes apply (the same arguments)");
    }
    Ok(match (plan.is_blocked(), plan.changes.is_empty()) {
        (true, _) => Exit::Refused,
        (false, false) if args.detailed_exit_code => Exit::Failed,
        _ => Exit::Done,
    })
}
