//! `scalectl migrate`

pub mod indexes;

/// The commands under `migrate`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bring MongoDB's indexes to what a specification declares, and prove it
    #[command(subcommand)]
    Indexes(indexes::Command),
}
