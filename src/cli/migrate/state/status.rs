//! `scalectl migrate state status`

use std::time::Duration;

use super::args::{JournalArgs, TargetArgs};
use crate::cli::args::positive_duration;
use crate::cli::{Error, Outcome, io_error};
use crate::output::{Format, Output};
use crate::state::status::StatusReport;
use crate::state::watch::Watch;
use crate::{Exit, output, signal};

/// Shows where the migration is.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    journal: JournalArgs,
    /// Clean rounds of sampled compares that are wanted before read-new
    #[arg(long, value_name = "N", default_value_t = 3)]
    clean_rounds: u64,
    /// Show it again and again, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Between two times
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = positive_duration)]
    every: Duration,
    /// How it is written to stdout
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: StatusFormat,
    /// Print the results and errors only
    #[arg(long, short)]
    quiet: bool,
}

/// How a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StatusFormat {
    /// For people.
    Table,
    /// For programs, in a stable layout.
    Json,
    /// For Prometheus.
    Prometheus,
}

/// Prints it, once or again and again.
pub async fn run(args: Args) -> Outcome {
    let target = args.target.resolve()?;
    let path = args.journal.path(&target);
    let mut watch = Watch::start(target, path, args.clean_rounds).await?;
    let interrupt = signal::interrupt();
    loop {
        tokio::select! {
            report = watch.look() => show(&report?, &args)?,
            () = interrupt.cancelled() => return Ok(Exit::Interrupted),
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = interrupt.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}

fn show(report: &StatusReport, args: &Args) -> Result<(), Error> {
    let format = if args.output == StatusFormat::Json { Format::Json } else { Format::Table };
    let output = Output::new(format, args.quiet);
    let written = match args.output {
        StatusFormat::Prometheus => output.result(&output::state::prometheus::render(report)),
        _ if args.watch => output.screen(report, output::state::status::render),
        _ => output.report(report, output::state::status::render),
    };
    written.map_err(io_error("the results could not be written"))
}
