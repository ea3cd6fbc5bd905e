//! Scenarios from what is there already: a browser's recording, a server's log, an API's description.
//!
//! Each reader makes a [`Draft`]; what it writes is a file that `validate` accepts, with variables where a secret
//! or something unknown was.

pub mod access_log;
mod correlate;
mod draft;
mod example;
pub mod har;
mod har_file;
mod log_line;
pub mod openapi;
mod route;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use draft::Draft;

/// A recording or description may have this much.
const MAX_BYTES: u64 = 256 << 20;
/// What stands in a scenario where a value must not be copied, or cannot be known.
const PLACEHOLDER: &str = "REPLACE-ME";

/// What an import came to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The file that was read.
    pub source: String,
    /// Requests or operations found in it.
    pub found: u64,
    /// Those that the scenario has.
    pub kept: u64,
    /// What the user should know.
    pub notes: Vec<String>,
    /// The scenario, as YAML.
    pub scenario: String,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nothing in it to make a scenario of.
    #[error("{}: {reason}", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}

impl ImportError {
    fn unreadable(path: &Path, reason: &impl ToString) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: reason.to_string() }
    }

    fn nothing(path: &Path, reason: &str) -> Self {
        Self::Nothing { path: path.to_owned(), reason: reason.to_owned() }
    }
}

/// Reads a whole file of bounded size.
fn read_text(path: &Path) -> Result<String, ImportError> {
    let file = File::open(path).map_err(|error| ImportError::unreadable(path, &error))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| ImportError::unreadable(path, &error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ImportError::unreadable(path, &format!("more than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(text)
}

/// The report of a finished draft.
fn report(path: &Path, found: u64, kept: u64, draft: Draft) -> ImportReport {
    let source = path.display().to_string();
    let (scenario, notes) = draft.finish(&source);
    ImportReport { schema: "scalectl.loadtest.import/1", source, found, kept, notes, scenario }
}
