//! `scalectl migrate state journal`

use super::args::{JournalArgs, TargetArgs};
use crate::Exit;
use crate::cli::args::OutputArgs;
use crate::cli::{Outcome, io_error};
use crate::output;
use crate::state::journal::{Copies, JournalListing};

/// Shows the journal.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the journal; fails when it is not as it was written.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let target = args.target.resolve()?;
    let mut link = target.connect().await?;
    let copies = Copies::read(&target, &mut link, &args.journal.path(&target)).await?;
    let report = JournalListing::new(&target.namespace, &copies);
    let written = output.report(&report, output::state::journal::render);
    written.map_err(io_error("the results could not be written"))?;
    Ok(if report.is_whole() { Exit::Done } else { Exit::Failed })
}
