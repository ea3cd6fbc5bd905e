//! `scalectl migrate state`

pub mod args;
pub mod verify;

use crate::cli::Outcome;

/// The commands under `migrate state`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Compare the memory of every instance with Redis, both ways, while requests run
    Verify(Box<verify::Args>),
}

/// Runs one of them.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Verify(args) => verify::run(*args).await,
    }
}
