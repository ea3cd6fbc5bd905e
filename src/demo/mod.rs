//! What a demo stands on: servers started as processes of their own, and the report it leaves behind.
//! The course of a demo, which reaches every domain, is wired in `cli::demo`.

mod report;
mod service;

use std::path::PathBuf;

pub use report::{DemoReport, ensure_writable};
pub use service::Service;

/// Why a demo could not be given.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The report has no place.
    #[error("{} cannot be written: {reason}; choose another place with --report", path.display())]
    NoPlace {
        /// Where it should go.
        path: PathBuf,
        /// What is in the way.
        reason: String,
    },
    /// The reference server did not come up.
    #[error("the reference server did not start: {0}")]
    Server(String),
}
