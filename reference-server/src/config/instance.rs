//! One of several processes on one port.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a process knows of its place among the others. They meet in a folder that whoever started them has made
/// for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// How often a process of this number has been started again after a crash.
    pub restarts: u32,
    /// The folder.
    pub meeting_place: PathBuf,
}

impl Instance {
    /// The numbers of all instances.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        1..=self.of
    }

    /// Where an instance tells the others what it has measured.
    pub fn socket(&self, number: u32) -> PathBuf {
        self.meeting_place.join(format!("{number}.sock"))
    }

    /// Where instances write how many connections they have.
    pub fn tally(folder: &Path) -> PathBuf {
        folder.join("connections")
    }
}
