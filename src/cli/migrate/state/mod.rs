//! `scalectl migrate state`

pub mod args;

use crate::cli::Outcome;

/// The commands under `migrate state`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// Runs one of them.
pub async fn run(command: Command) -> Outcome {
    match command {}
}
