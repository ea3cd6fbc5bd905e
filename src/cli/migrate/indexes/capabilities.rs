//! `scalectl migrate indexes capabilities`

use std::path::PathBuf;

use super::DeploymentArgs;
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::indexes::capability::{Capabilities, OptionClass, Probe, detect};
use crate::indexes::spec::Spec;
use crate::{Exit, output, signal};

/// Where scratch collections are made when no database is named; it goes with the last of them.
const SCRATCH_DATABASE: &str = "scalectl_probe";

/// Finds out which options of indexes a server keeps and enforces.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Ask only for what this specification uses; everything without it
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// The database for scratch collections; without it, the first one of the specification, or scalectl_probe
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Write nothing: say what is known of the server that it seems to be
    #[arg(long)]
    no_probes: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Probes, and prints what was found.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let spec = args.spec.as_deref().map(Spec::load).transpose()?;
    let classes = spec.as_ref().map_or_else(|| OptionClass::ALL.into(), OptionClass::of_spec);
    let database = args.database.as_deref().unwrap_or_else(|| of_spec(spec.as_ref()));
    let interrupt = signal::interrupt();
    let probe = if args.no_probes { Probe::FingerprintOnly } else { Probe::Active(interrupt.clone()) };
    let deployment = tokio::select! {
        deployment = args.deployment.connect() => deployment?,
        () = interrupt.cancelled() => return Ok(Exit::Interrupted),
    };
    let report = detect(&deployment, database, &classes, &probe).await?;
    output
        .report(&report, output::indexes::capability::render)
        .map_err(io_error("the results could not be written"))?;
    Ok(exit(&report))
}

fn of_spec(spec: Option<&Spec>) -> &str {
    let first = spec.and_then(|spec| spec.databases.first());
    first.map_or(SCRATCH_DATABASE, |database| &database.name)
}

fn exit(report: &Capabilities) -> Exit {
    if report.is_interrupted {
        return Exit::Interrupted;
    }
    let is_bad = report.degraded().chain(report.rejected()).next().is_some();
    match (is_bad, report.unknown().next()) {
        (true, _) => Exit::Failed,
        (false, Some(_)) => Exit::Inconclusive,
        (false, None) => Exit::Done,
    }
}
