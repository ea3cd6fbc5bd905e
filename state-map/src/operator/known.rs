//! What the gates need to know beside a survey.

use serde::{Deserialize, Serialize};

use crate::control::Stamp;

/// What a verification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything was compared, and nothing differs.
    Pass,
    /// Something differs.
    Fail,
    /// Not everything could be compared.
    Inconclusive,
}

/// A verification of memory against Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// What it came to.
    pub outcome: Outcome,
    /// The control record's change at which it was made: evidence for the step that follows it, and for no other.
    pub stamp: Stamp,
    /// When it ended, in milliseconds of Redis' clock.
    pub at_ms: u64,
    /// What was compared, in words.
    pub summary: String,
}

/// When a fail-over was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noticed {
    /// The replication history that was found.
    pub replid: String,
    /// When, in milliseconds of Redis' clock.
    pub at_ms: u64,
}

/// What the gates need to know beside a survey.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Highest epoch in the journal.
    pub journal_epoch: u64,
    /// The last fail-over that was noticed.
    pub noticed: Option<Noticed>,
    /// The last verification.
    pub verification: Option<Verification>,
    /// The change at which tombstones and sidecars were collected.
    pub collected: Option<Stamp>,
    /// Clean rounds of compares that are wanted before `read-new`.
    pub clean_rounds: u64,
    /// The least time that counts as a lease, in milliseconds.
    pub lease_ms: u64,
    /// Replicas that are connected to the master that has the control record; in a Cluster, to that which has fewest.
    pub replicas: u32,
}
