//! `scalectl loadtest import`

use std::path::PathBuf;

use url::Url;

use crate::Exit;
use crate::cli::args::{OutputArgs, write_file};
use crate::cli::{Outcome, io_error};
use crate::load::import::access_log::LogOptions;
use crate::load::import::har::HarOptions;
use crate::load::import::openapi::ApiOptions;
use crate::load::import::{ImportReport, access_log, har, openapi};
use crate::output;

/// What a scenario is made from.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// From a browser's recording: its requests to one host, tokens and ids captured, secrets left out
    Har(HarArgs),
    /// From an access log, nginx's, Apache's or JSON lines: one scenario for each route, weighted
    AccessLog(LogArgs),
    /// From an OpenAPI 3 document: one scenario for each operation
    Openapi(ApiArgs),
}

/// Writes a scenario from a browser's recording.
#[derive(Debug, clap::Args)]
pub struct HarArgs {
    /// The recording: a HAR file
    file: PathBuf,
    /// Take the requests to this host [default: the host of the first request]
    #[arg(long, value_name = "URL")]
    target: Option<Url>,
    /// Take images, scripts, styles and fonts too
    #[arg(long)]
    with_assets: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Writes a scenario from an access log.
#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// The log
    file: PathBuf,
    /// Base URL of the scenario; a log does not name it
    #[arg(long, value_name = "URL")]
    target: Option<Url>,
    /// Take images, scripts, styles and fonts too
    #[arg(long)]
    with_assets: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Writes a scenario from an OpenAPI document.
#[derive(Debug, clap::Args)]
pub struct ApiArgs {
    /// The document, JSON or YAML
    file: PathBuf,
    /// Base URL, instead of the document's own
    #[arg(long, value_name = "URL")]
    target: Option<Url>,
    /// Take only operations that change nothing
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Where the scenario goes.
#[derive(Debug, clap::Args)]
struct WriteArgs {
    /// Write the scenario to this file; without it, to stdout
    #[arg(long, short = 'o', value_name = "FILE")]
    scenario_file: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "scenario_file")]
    force: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Reads, and writes the scenario.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Har(HarArgs { file, target, with_assets, write }) => {
            written(&har::import(&file, &HarOptions { origin: target, with_assets })?, &write)
        }
        Command::AccessLog(LogArgs { file, target, with_assets, write }) => {
            written(&access_log::import(&file, &LogOptions { target, with_assets })?, &write)
        }
        Command::Openapi(ApiArgs { file, target, read_only, write }) => {
            written(&openapi::import(&file, &ApiOptions { target, read_only })?, &write)
        }
    }
}

fn written(report: &ImportReport, args: &WriteArgs) -> Outcome {
    let output = args.output.resolve();
    if let Some(file) = &args.scenario_file {
        write_file(file, &report.scenario, args.force)?;
    }
    report.notes.iter().for_each(|note| output.note(&format!("note: {note}")));
    let unwritten = "the results could not be written";
    match &args.scenario_file {
        Some(file) => {
            output.note(&output::import::written(report, file));
            output.json_only(report).map_err(io_error(unwritten))?;
        }
        None => output.report(report, output::import::scenario).map_err(io_error(unwritten))?,
    }
    Ok(Exit::Done)
}
