//! scalectl takes a Node + Socket.IO + MongoDB + Redis application from 1K to 1M users and proves every step.
//!
//! The map: `cli` parses and wires; `config` reads files; `clients` open connections; `health` and `load`
//! are the domains; `output` is the only place that prints. ARCHITECTURE.md tells the rest.

mod cli;
mod clients;
mod clock;
mod config;
mod demo;
mod digest;
mod exit;
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod indexes;
mod limits;
mod live;
mod load;
mod lock;
mod output;
mod owner;
mod program;
#[cfg(test)]
mod schema_files;
mod signal;
mod state;
mod text;
mod whole_file;

use std::ffi::OsString;

pub use exit::{Exit, HealthExit};

/// Runs one command line from start to end.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    cli::run(&args.into_iter().collect::<Vec<_>>())
}
