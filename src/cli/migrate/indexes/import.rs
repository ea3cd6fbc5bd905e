//! `scalectl migrate indexes import`

use std::path::PathBuf;

use super::DeploymentArgs;
use crate::Exit;
use crate::cli::args::{OutputArgs, write_file};
use crate::cli::{Error, Outcome, io_error};
use crate::indexes::import::{ImportReport, live, mongoose, render};
use crate::output;

/// Writes a specification from Mongoose's models, or from the indexes of a live server.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["paths", "from_server"]))]
pub struct Args {
    /// Files and folders with Mongoose models, in JavaScript or TypeScript; nothing of them is run
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Read the indexes of a live server instead
    #[arg(long)]
    from_server: bool,
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// The database: the one that is read, or the one that the models are for
    #[arg(long, value_name = "NAME")]
    database: String,
    /// Write the specification to this file; without it, to stdout
    #[arg(long, short = 'o', value_name = "FILE")]
    spec_file: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "spec_file")]
    force: bool,
    /// Exit with 1 when something could not be followed or was left out
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Imports, and writes what was found.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let mut report = read(&args).await?;
    let specification = render::specification(&mut report)?;
    report.notes.sort();
    if let Some(file) = &args.spec_file {
        write_file(file, &specification, args.force)?;
    }
    output::indexes::import::notes(&report).iter().for_each(|note| output.note(note));
    let unwritten = "the results could not be written";
    match &args.spec_file {
        Some(file) => {
            output.note(&output::indexes::import::written(&report, file));
            output.json_only(&report).map_err(io_error(unwritten))?;
        }
        None => output.report(&report, |_| specification).map_err(io_error(unwritten))?,
    }
    Ok(if args.strict && !report.is_complete() { Exit::Failed } else { Exit::Done })
}

async fn read(args: &Args) -> Result<ImportReport, Error> {
    if args.from_server {
        let deployment = args.deployment.connect().await?;
        return Ok(live::read(&deployment, &args.database).await?);
    }
    Ok(mongoose::read(&args.paths, &args.database)?)
}
