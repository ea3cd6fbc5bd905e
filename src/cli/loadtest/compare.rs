//! `scalectl loadtest compare`

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::duration;
use crate::cli::{Error, Outcome, io_error};
use crate::load::compare::stored::Stored;
use crate::load::compare::{CompareReport, Limits};
use crate::output::{self, Format, Output};

/// Compares a run with earlier ones.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON reports of earlier runs, then that of the run to be judged
    #[arg(num_args = 2.., required = true, value_name = "BASELINE... CURRENT")]
    reports: Vec<PathBuf>,
    /// How much longer response times, or lower rates, are still no matter
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = slowdown)]
    max_slowdown: f64,
    /// How many percentage points more errors are still no matter
    #[arg(long, value_name = "PERCENT", default_value = "0.1%", value_parser = percent)]
    max_more_errors: f64,
    /// Response times that grew by no more than this are no matter
    #[arg(long, value_name = "DURATION", default_value = "1ms", value_parser = duration)]
    ignore_below: Duration,
    /// How the comparison is written to stdout
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: CompareFormat,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CompareFormat {
    /// For people.
    Table,
    /// For programs, in a stable layout.
    Json,
    /// For a pull request.
    Markdown,
}

/// Reads, compares, judges.
pub fn run(args: &Args) -> Outcome {
    let stored: Result<Vec<Stored>, _> = args.reports.iter().map(|path| Stored::read(path)).collect();
    let stored = stored.map_err(|error| Error::Usage(error.to_string()))?;
    let limits = Limits {
        max_slowdown: args.max_slowdown,
        max_more_errors: args.max_more_errors,
        ignore_below: args.ignore_below,
    };
    let Some((current, baselines)) = stored.split_last() else {
        return Err(Error::Usage("name a baseline and the run to be judged".to_owned()));
    };
    let report = CompareReport::new(baselines, current, &limits);
    let written = match args.output {
        CompareFormat::Table => {
            Output::new(Format::Table, false).report(&report, output::load::compare::render)
        }
        CompareFormat::Json => {
            Output::new(Format::Json, false).report(&report, output::load::compare::render)
        }
        CompareFormat::Markdown => {
            Output::new(Format::Table, false).result(&output::load::compare::markdown(&report))
        }
    };
    written.map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}

/// A histogram's buckets are a thousandth wide: what is asked for has to be far above.
fn slowdown(text: &str) -> Result<f64, String> {
    match percent(text)? {
        share if share >= 0.01 => Ok(share),
        _ => Err("less than 1% cannot be told from the histograms".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write percent, such as 10%".to_owned()),
    }
}
