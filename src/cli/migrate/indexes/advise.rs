//! `scalectl migrate indexes advise`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::DeploymentArgs;
use crate::cli::args::{OutputArgs, duration};
use crate::cli::{Error, Outcome, io_error};
use crate::indexes::advise::{self, Request};
use crate::indexes::spec::Spec;
use crate::output;
use crate::{Exit, signal};

/// Proposes indexes from what the servers saw, and names those that could go. Changes nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// The specification to which the advice is relative: what it declares counts as existing
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// The database; of a specification of one database, the name to use instead of its own
    #[arg(long, value_name = "NAME", required_unless_present = "spec")]
    database: Option<String>,
    /// A log file of a server (structured lines, MongoDB 4.4 and later), for its slow queries
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How long an index must have been counted before it is called unused
    #[arg(long, value_name = "DURATION", default_value = "168h", value_parser = duration)]
    min_age: Duration,
    /// Do not look at a sample of documents to order fields by how many values they have
    #[arg(long)]
    no_sample: bool,
    /// How many missing indexes are named at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=50))]
    limit: u8,
    /// Write the advice as a part of a specification
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Overwrite the file of --patch
    #[arg(long, requires = "patch")]
    force: bool,
    /// Exit with 1 when there is advice
    #[arg(long)]
    detailed_exit_code: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Gathers evidence, and prints what it comes to.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let spec = args.spec.as_deref().map(|path| load(path, args.database.as_deref())).transpose()?;
    let databases = match (&spec, &args.database) {
        (Some(spec), _) => spec.databases.iter().map(|database| database.name.clone()).collect(),
        (None, name) => Vec::from_iter(name.clone()),
    };
    if let Some(path) = args.patch.as_deref().filter(|path| path.exists() && !args.force) {
        return Err(Error::Refused(format!("{}: the file exists; --force overwrites it", path.display())));
    }
    let request = Request {
        databases: &databases,
        spec: spec.as_ref(),
        log: args.log.as_deref(),
        min_age: args.min_age,
        may_sample: !args.no_sample,
        limit: usize::from(args.limit),
    };
    let interrupt = signal::interrupt();
    let advised = async {
        let deployment = args.deployment.connect().await?;
        Ok::<_, Error>(advise::advise(&deployment, request).await?)
    };
    let report = tokio::select! {
        report = advised => report?,
        () = interrupt.cancelled() => return Ok(Exit::Interrupted),
    };
    match (&args.patch, &report.patch) {
        (Some(path), Some(patch)) => {
            write(path, patch, args.force)?;
            output.note(&format!("{}: written", path.display()));
        }
        (Some(path), None) => output.note(&format!("{}: not written, there is no advice", path.display())),
        (None, _) => {}
    }
    output
        .report(&report, output::indexes::advise::render)
        .map_err(io_error("the results could not be written"))?;
    Ok(report.exit(args.detailed_exit_code))
}

fn load(path: &Path, database: Option<&str>) -> Result<Spec, Error> {
    let spec = Spec::load(path)?;
    match database {
        Some(name) => Ok(spec.for_database(name)?),
        None => Ok(spec),
    }
}

fn write(path: &Path, patch: &str, may_overwrite: bool) -> Result<(), Error> {
    let what = format!("{} could not be written", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!may_overwrite);
    let written = options.open(path).and_then(|mut file| file.write_all(patch.as_bytes()));
    written.map_err(io_error(what))
}
