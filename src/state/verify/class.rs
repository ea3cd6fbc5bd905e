//! What a key's comparison can come to: each outcome is a class of its own, none is folded into another.

use schemars::JsonSchema;
use serde::Serialize;
use state_map::Id;
use state_map::verify::Entry;

use super::stored::{Content, Stored};

/// In what a key differs, or why it could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Memory has it, Redis does not.
    Missing,
    /// Redis has it under an owner that does not have it.
    Extra,
    /// Redis has another type under its name.
    Type,
    /// The values differ.
    Value,
    /// The expiries differ by more than the tolerance.
    Ttl,
    /// The values are the same, their versions are not.
    Version,
    /// One side has deleted it, the other has not.
    Tombstoned,
    /// Its record says that it is there, and it is gone: evicted, or deleted past the protocol.
    Vanished,
    /// The same sequence with two operations, or two owners.
    Conflict,
    /// A value that no record of this run speaks of.
    Unrecorded,
    /// An invariant across keys does not hold.
    Invariant,
    /// An earlier verification saw a version that is not there any more.
    Lost,
    /// Memory has a version that Redis has yet to be told of.
    Owed,
    /// An instance holds it and has not claimed it.
    Unclaimed,
    /// It could not be read.
    Unreadable,
    /// It changed at each look, and Redis was not seen to follow.
    Unsettled,
    /// It changed at each look, and Redis had what memory had had at the look before.
    Moving,
    /// It expires too soon to be compared.
    Expiring,
}

/// What a class means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Told, and judged nowhere.
    Told,
    /// Nothing can be said of the key.
    Open,
    /// A difference.
    Bad,
}

impl Class {
    /// What it means for the verdict.
    pub fn weight(self) -> Weight {
        match self {
            Self::Moving | Self::Expiring => Weight::Told,
            Self::Owed | Self::Unclaimed | Self::Unreadable | Self::Unsettled => Weight::Open,
            _ => Weight::Bad,
        }
    }

    fn missing_or_owed(entry: &Entry) -> Self {
        if entry.owed { Self::Owed } else { Self::Missing }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Type => "type",
            Self::Value => "value",
            Self::Ttl => "ttl",
            Self::Version => "version",
            Self::Tombstoned => "tombstoned",
            Self::Vanished => "vanished",
            Self::Conflict => "conflict",
            Self::Unrecorded => "unrecorded",
            Self::Invariant => "invariant",
            Self::Lost => "lost",
            Self::Owed => "owed",
            Self::Unclaimed => "unclaimed",
            Self::Unreadable => "unreadable",
            Self::Unsettled => "unsettled",
            Self::Moving => "moving",
            Self::Expiring => "expiring",
        }
    }
}

/// How comparisons are made.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The run.
    pub run: Id,
    /// Redis' clock.
    pub now_ms: u64,
    /// How far apart two expiries may be.
    pub tolerance_ms: u64,
}

impl Terms {
    /// Whether a time is over, or so near that one side may have acted on it already.
    pub fn expires(self, at_ms: u64) -> bool {
        at_ms != 0 && at_ms <= self.now_ms + self.tolerance_ms
    }
}

/// Whether Redis agrees with itself about a key: its record with its value.
pub fn check(stored: &Stored, terms: Terms) -> Option<Class> {
    match stored.value {
        Content::WrongType => return Some(Class::Type),
        Content::Unreadable => return Some(Class::Unreadable),
        _ => {}
    }
    let is_present = stored.bytes().is_some();
    let Some(record) = stored.of_run(terms.run) else { return is_present.then_some(Class::Unrecorded) };
    if record.deleted {
        return is_present.then_some(Class::Tombstoned);
    }
    if terms.expires(record.expires_ms) {
        return Some(Class::Expiring);
    }
    if !is_present {
        return Some(Class::Vanished);
    }
    let is_off = match (record.expires_ms, stored.expires_ms) {
        (0, 0) => false,
        (0, _) | (_, 0) => true,
        (said, set) => said.abs_diff(set) > terms.tolerance_ms,
    };
    is_off.then_some(Class::Ttl)
}

/// What an owner says of a key, against what Redis has. `owner` is the incarnation that says it.
pub fn compare(owner: Id, entry: &Entry, stored: &Stored, terms: Terms) -> Option<Class> {
    if entry.generation == 0 {
        return Some(Class::Unclaimed);
    }
    let Some(record) = stored.of_run(terms.run) else {
        let is_unwritten = entry.seq == 0;
        return if is_unwritten { check(stored, terms) } else { Some(Class::missing_or_owed(entry)) };
    };
    if record.owner != owner || record.seq == entry.seq && record.op != entry.op {
        return Some(Class::Conflict);
    }
    let found = differs(entry, stored, terms);
    let is_ahead = entry.owed && entry.seq > record.seq;
    if found.is_some() && is_ahead { Some(Class::Owed) } else { found }
}

fn differs(entry: &Entry, stored: &Stored, terms: Terms) -> Option<Class> {
    let record = stored.of_run(terms.run)?;
    if entry.value.is_none() != record.deleted {
        let is_over = terms.expires(record.expires_ms) && terms.expires(entry.expires_ms);
        return Some(if is_over { Class::Expiring } else { Class::Tombstoned });
    }
    if let Some(class) = check(stored, terms) {
        return Some(class);
    }
    if entry.value != stored.value_print() {
        return Some(Class::Value);
    }
    if entry.expires_ms.abs_diff(record.expires_ms) > terms.tolerance_ms {
        return Some(Class::Ttl);
    }
    (entry.seq != record.seq).then_some(Class::Version)
}

#[cfg(test)]
mod tests;
