//! `scalectl migrate state`

pub mod advance;
pub mod args;
pub mod evict;
pub mod finish;
pub mod journal;
pub mod plan;
pub mod resolve;
pub mod rollback;
pub mod start;
pub mod status;
pub mod verify;

use crate::Exit;
use crate::cli::{Outcome, io_error};
use crate::output::{self, Output};
use crate::state::change::ChangeReport;

/// The commands under `migrate state`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Look whether the migration may begin, and show its phases; changes nothing
    Plan(plan::Args),
    /// Begin: every instance writes to Redis as well
    Start(start::Args),
    /// Show where the migration is, and what keeps the next step from being taken; changes nothing
    Status(status::Args),
    /// Compare the memory of every instance with Redis, both ways, while requests run
    Verify(Box<verify::Args>),
    /// Go on to the next phase, if the gates are open
    Advance(advance::Args),
    /// Go back to the phase before
    Rollback(rollback::Args),
    /// Drop an instance that does not answer, with proof that its process is stopped
    Evict(evict::Args),
    /// Cross the point of no return, and tidy up
    Finish(finish::Args),
    /// Show keys with two values, and decide which one stays
    Resolve(resolve::Args),
    /// Show what was decided, when, by whom and on which evidence; fails when the journal was changed
    Journal(journal::Args),
}

/// Runs one of them.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Plan(args) => plan::run(args).await,
        Command::Start(args) => start::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Verify(args) => verify::run(*args).await,
        Command::Advance(args) => advance::run(args).await,
        Command::Rollback(args) => rollback::run(args).await,
        Command::Evict(args) => evict::run(args).await,
        Command::Finish(args) => finish::run(args).await,
        Command::Resolve(args) => resolve::run(args).await,
        Command::Journal(args) => journal::run(args).await,
    }
}

/// Prints what was changed.
fn print(output: Output, report: &ChangeReport) -> Outcome {
    let written = output.report(report, output::state::change::render);
    written.map_err(io_error("the results could not be written"))?;
    Ok(Exit::Done)
}
