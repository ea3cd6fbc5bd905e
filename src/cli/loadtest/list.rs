//! `scalectl loadtest list`

use crate::Exit;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::config::suggest::did_you_mean;
use crate::load::shipped::{self, SHIPPED};
use crate::output;

/// Names the scenarios that are shipped, or prints one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print this one, to be kept in a file and changed
    name: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Names them all, or prints the one that was asked for.
pub fn run(args: &Args) -> Outcome {
    let output = args.output.resolve();
    let unwritten = "the results could not be written";
    match &args.name {
        None => output.report(&shipped::listing(), output::shipped::table).map_err(io_error(unwritten))?,
        Some(name) => {
            let found = SHIPPED.iter().find(|scenario| scenario.name == name);
            let scenario = found.ok_or_else(|| unknown(name))?;
            output.result(scenario.text.trim_end()).map_err(io_error(unwritten))?;
        }
    }
    Ok(Exit::Done)
}

fn unknown(name: &str) -> Error {
    let names = SHIPPED.iter().map(|scenario| scenario.name);
    let help = did_you_mean(name, names).unwrap_or_else(|| "`scalectl loadtest list` names them".to_owned());
    Error::Usage(format!("no scenario `{name}` is shipped; {help}"))
}
