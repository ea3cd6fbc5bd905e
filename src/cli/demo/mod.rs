//! `scalectl demo`
use super::Outcome;
use crate::Exit;
/// The whole loop.
#[derive(Debug, clap::Args)]
pub struct Args {}
/// Runs.
pub async fn run(_: Args) -> Outcome { Ok(Exit::Done) }
