//! `scalectl migrate`

pub mod indexes;
pub mod state;

/// The commands under `migrate`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bring MongoDB's indexes to what a specification declares, and prove it
    #[command(subcommand)]
    Indexes(indexes::Command),
    /// Move state from the memory of processes to Redis, under live writes, without losing any
    #[command(subcommand)]
    State(state::Command),
}
