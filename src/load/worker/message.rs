//! What the lead and its workers tell each other: JSON documents, one a line over pipes, one an entry through Redis.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{Document, Mistakes};
use crate::load::beat::Beat;
use crate::load::scenario::Overrides;
use crate::load::scenario::source::SourceText;
use crate::load::section::Given;
use crate::load::share::Share;

/// Files that are sent to workers go through Redis, each time.
const MOST_BYTES: usize = 64 << 20;

/// What a worker is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// What it will have to do.
    Job(Box<Job>),
    /// When load starts, in microseconds since 1970.
    Start {
        /// On the clock that both sides know.
        at_epoch_micros: u64,
    },
    /// A threshold ended the run: finish what is under way.
    Stop,
    /// Somebody interrupted the run.
    Interrupt,
}

/// A share of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The scenario file, and the settings beside it.
    pub texts: Vec<SourceText>,
    /// The files that it names.
    pub files: Files,
    /// What the command line changed in it.
    pub overrides: Overrides,
    /// Which part of it.
    pub share: Share,
    /// Addresses to connect from; the system chooses when there are none.
    pub sources: Vec<IpAddr>,
    /// What the section before the load has set.
    pub given: Given,
}

impl Job {
    /// The whole of a run; the lead gives everybody a share of it.
    pub fn new(texts: Vec<SourceText>, files: Files, overrides: Overrides, sources: Vec<IpAddr>) -> Self {
        Self { texts, files, overrides, share: Share::WHOLE, sources, given: Vec::new() }
    }
}

/// The files that a scenario names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Files {
    /// They are in this folder.
    In(PathBuf),
    /// Their texts, by the paths that the scenario has for them.
    Sent(BTreeMap<PathBuf, String>),
}

impl Files {
    /// Reads the files that a scenario names, relative to its folder.
    pub fn gather(document: &Document, folder: &Path) -> Result<Self, Mistakes> {
        let mut files = BTreeMap::new();
        let mut bytes = 0;
        for path in named(document) {
            let unreadable = |error: &dyn std::fmt::Display| {
                Mistakes::unplaced(&document.name, format!("{}: {error}", folder.join(&path).display()))
            };
            let text = std::fs::read_to_string(folder.join(&path)).map_err(|error| unreadable(&error))?;
            bytes += text.len();
            if bytes > MOST_BYTES {
                let message = format!("more than {} MiB of files to send to the workers", MOST_BYTES >> 20);
                return Err(unreadable(&message));
            }
            files.insert(path, text);
        }
        Ok(Self::Sent(files))
    }
}

/// The paths of payload files in a scenario file.
fn named(document: &Document) -> Vec<PathBuf> {
    let payload = &document.value["config"]["payload"];
    let items = payload.as_array().map_or(std::slice::from_ref(payload), Vec::as_slice);
    items.iter().filter_map(|item| item["path"].as_str()).map(PathBuf::from).collect()
}

/// What a worker says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Report {
    /// Its users are there.
    Ready,
    /// It cannot do its job.
    Refused {
        /// Why.
        why: String,
        /// Whether the target could not be reached.
        is_unreachable: bool,
    },
    /// What it did in the last second.
    Beat(Box<Beat>),
    /// It has told everything.
    Done,
}
