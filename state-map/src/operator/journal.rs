//! What is written down before and after each change. The journal outlives Redis: its epochs are never used again.

use std::collections::BTreeMap;
use std::future::Future;

use serde::{Deserialize, Serialize};

use super::known::{Noticed, Verification};
use super::step::Step;
use crate::control::{ControlRecord, Id, Member, Proof, Stamp};
use crate::phase::Phase;
use crate::wire::key::Key;
use crate::wire::message::Keep;

/// What a step was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Redis' clock, in milliseconds.
    pub now_ms: u64,
    /// The server's replication history.
    pub replid: String,
    /// The instances and what they told.
    pub members: BTreeMap<String, Member>,
    /// Keys with two values.
    pub conflicts: u64,
    /// Connected replicas.
    pub replicas: u32,
    /// The last verification.
    pub verification: Option<Verification>,
    /// What was looked at before a run began, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
}

/// A change that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Which step.
    pub step: Step,
    /// The phase that it leaves.
    pub from: Phase,
    /// The record that it is to replace.
    pub expected: Stamp,
    /// The record that it writes.
    pub record: ControlRecord,
    /// What it was decided on.
    pub evidence: Evidence,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// The control record is about to be changed.
    Intended(Box<Intent>),
    /// It was.
    Done {
        /// The change.
        stamp: Stamp,
        /// Whether the replicas that must have it are known to.
        kept: bool,
    },
    /// It was not, or that is not known.
    NotDone {
        /// The change.
        stamp: Stamp,
        /// Why.
        reason: String,
    },
    /// Another server has taken over, or it has restarted.
    Noticed(Noticed),
    /// Memory was compared with Redis.
    Verified(Verification),
    /// An instance is about to be dropped.
    Evicting {
        /// Its name.
        name: String,
        /// Its incarnation.
        incarnation: Id,
        /// Why it counts as dead.
        proof: Proof,
    },
    /// It was decided which of a key's two values stays.
    Resolved {
        /// The key.
        key: Key,
        /// Which.
        keep: Keep,
    },
    /// Epochs up to this one were used in a journal that is continued no more.
    Heard {
        /// The highest of them.
        epoch: u64,
    },
    /// Tombstones and sidecars of absent keys were collected.
    Collected {
        /// The change of the record at which that was done.
        stamp: Stamp,
        /// How many records.
        records: u64,
    },
}

/// What of the journal the gates need: entries, taken in one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// Highest epoch that was ever about to be used.
    pub highest_epoch: u64,
    /// The last fail-over that was noticed.
    pub noticed: Option<Noticed>,
    /// The last verification.
    pub verification: Option<Verification>,
    /// The change at which tombstones and sidecars were collected.
    pub collected: Option<Stamp>,
    /// The last change that the replicas are known to have.
    pub kept: Option<Stamp>,
    /// A change of which is not known whether it was made.
    pub open: Option<Intent>,
}

impl Notes {
    /// Takes in an entry.
    pub fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Intended(intent) => {
                self.highest_epoch = self.highest_epoch.max(intent.record.stamp.epoch);
                self.open = Some(Intent::clone(intent));
            }
            Entry::Done { stamp, kept } => {
                self.open = None;
                self.kept = kept.then_some(*stamp).or(self.kept);
            }
            Entry::NotDone { .. } => self.open = None,
            Entry::Noticed(noticed) => self.noticed = Some(noticed.clone()),
            Entry::Verified(verification) => self.verification = Some(verification.clone()),
            Entry::Collected { stamp, .. } => self.collected = Some(*stamp),
            Entry::Heard { epoch } => self.highest_epoch = self.highest_epoch.max(*epoch),
            Entry::Evicting { .. } | Entry::Resolved { .. } => {}
        }
    }
}

/// Keeps entries.
pub trait Journal: Send {
    /// What its entries come to.
    fn notes(&self) -> &Notes;

    /// Adds an entry. When this returns, it outlives the process, and the replicas have it that must have a durable
    /// write.
    fn add(&mut self, entry: Entry, replicas: u32) -> impl Future<Output = Result<(), String>> + Send;
}

/// A journal that lives as long as its process: for simulations.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    notes: Notes,
}

impl Journal for Remembered {
    fn notes(&self) -> &Notes {
        &self.notes
    }

    async fn add(&mut self, entry: Entry, _replicas: u32) -> Result<(), String> {
        self.notes.take(&entry);
        self.entries.push(entry);
        Ok(())
    }
}
