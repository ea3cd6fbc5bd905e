//! The control record that steers a migration, and what instances tell about themselves. Plain values; the gates
//! that decide on them are in [`operator`](crate::operator).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::phase::Phase;

/// A random 128-bit identity, written as 32 hexadecimal digits: of a run, an incarnation, an operation, a change
/// of the control record. Zero is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

impl Id {
    /// No identity: an empty field.
    pub const NONE: Self = Self(0);

    /// Whether it is none.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { Ok(()) } else { write!(f, "{:032x}", self.0) }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

/// Not the text of an [`Id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hexadecimal digits or nothing")]
pub struct BadId;

impl FromStr for Id {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match text.len() {
            0 => Ok(Self::NONE),
            32 => u128::from_str_radix(text, 16).map(Self).map_err(|_| BadId),
            _ => Err(BadId),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One change of the control record: what instances acknowledge. Two changes may bear the same epoch after a
/// fail-over, never the same nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Grows with each change, over all runs.
    pub epoch: u64,
    /// Random.
    pub nonce: Id,
}

/// The control record. Absent in Redis: the default, epoch 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlRecord {
    /// The run: random at each start from `off`. Records of keys that bear another run count as absent.
    pub run: Id,
    /// Which change this is.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Where the migration is.
    pub phase: Phase,
    /// The phase that the last step may be undone to. None after a fail-over or a re-assertion (C14).
    pub prev: Option<Phase>,
    /// Identity of the server's replication history when this was written.
    pub replid: String,
    /// Replicas that must have a write before it counts, in each phase that waits.
    pub replicas: u32,
}

/// What an instance counts in all its maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Keys with a value in memory.
    pub held: u64,
    /// Of those, the ones that this instance owns.
    pub owned: u64,
    /// Owned keys of which Redis is known to have the newest version.
    pub stored: u64,
    /// Owned keys of which Redis lacks the newest version, whether they are owed yet or not.
    pub dirty: u64,
    /// Keys that Redis has to be told of.
    pub owed: u64,
    /// Keys of which this instance holds a second copy that nobody has decided on.
    pub conflicts: u64,
    /// Keys held since before the run that are not claimed yet.
    pub unclaimed: u64,
    /// Sampled compares in `shadow` and `read-new`.
    pub compared: u64,
    /// Compares that differed and did not settle.
    pub differences: u64,
    /// Writes that were refused because their sender is superseded.
    pub superseded: u64,
    /// Bytes written to Redis.
    pub bytes: u64,
    /// Writes that Redis has accepted.
    pub writes: u64,
    /// Refusals of requests for want of Redis.
    pub unavailable: u64,
    /// Values that were gone although their record says they are there: evicted or deleted by others.
    pub vanished: u64,
}

impl Counts {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            held: self.held + other.held,
            owned: self.owned + other.owned,
            stored: self.stored + other.stored,
            dirty: self.dirty + other.dirty,
            owed: self.owed + other.owed,
            conflicts: self.conflicts + other.conflicts,
            unclaimed: self.unclaimed + other.unclaimed,
            compared: self.compared + other.compared,
            differences: self.differences + other.differences,
            superseded: self.superseded + other.superseded,
            bytes: self.bytes + other.bytes,
            writes: self.writes + other.writes,
            unavailable: self.unavailable + other.unavailable,
            vanished: self.vanished + other.vanished,
        }
    }
}

/// What an instance tells with each heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The phase that it serves requests in.
    pub serving: Phase,
    /// The change that brought it there: the acknowledged one, or a newer one that it has not acknowledged yet.
    #[serde(default)]
    pub served: Stamp,
    /// Why it has not acknowledged yet, in words; empty when it has.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub waiting_for: String,
    /// What it counts.
    #[serde(default)]
    pub counts: Counts,
    /// Rounds of sampled compares without a difference, in a row: of the map with the fewest.
    #[serde(default)]
    pub clean_rounds: u64,
    /// Offset of its wall clock from Redis' clock, in milliseconds: told, never used.
    #[serde(default)]
    pub wall_skew_ms: i64,
    /// Version of the protocol that it speaks.
    #[serde(default)]
    pub protocol: u32,
    /// How long after it was decided on a call may still be carried out, in milliseconds; 0: it does not say.
    #[serde(default)]
    pub call_life_ms: u64,
    /// The epoch at which the instance last dropped its memory (C11): what it has claimed before is not in it any more.
    #[serde(default)]
    pub dropped_epoch: u64,
}

/// An instance as Redis knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Member {
    /// Identity of the process, random at its start.
    pub incarnation: Id,
    /// The run that it takes part in.
    pub run: Id,
    /// The change that it has acknowledged. Its epoch may be above the record's, after a fail-over.
    #[serde(flatten)]
    pub ack: Stamp,
    /// The server's replication history when it acknowledged.
    pub replid: String,
    /// When it was last heard of, in milliseconds of Redis' clock.
    pub seen_ms: u64,
    /// Until when its lease runs, in milliseconds of Redis' clock.
    pub lease_until_ms: u64,
    /// What it told.
    pub report: Report,
}

impl Member {
    /// The newest change that it has heard of and acted on.
    pub fn newest(&self) -> Stamp {
        if self.report.served.epoch > self.ack.epoch { self.report.served } else { self.ack }
    }
}

/// Why an incarnation counts as dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// An operator said that the process is stopped.
    Stopped,
    /// A new process has started under the same name.
    Succeeded,
    /// An operator dropped it in `strict` or later when its lease had lapsed; whether it is stopped is not known.
    Lapsed,
}

impl Proof {
    /// Its name in Redis and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Succeeded => "succeeded",
            Self::Lapsed => "lapsed",
        }
    }
}

/// An incarnation that does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// Name of the instance.
    pub name: String,
    /// Why.
    pub proof: Proof,
    /// When, in milliseconds of Redis' clock.
    pub at_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_32_digits_or_nothing() {
        for id in [Id::NONE, Id(1), Id(u128::MAX)] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(Id(0xab).to_string().len(), 32);
        assert!("ab".parse::<Id>().is_err() && "g".repeat(32).parse::<Id>().is_err());
    }
}
