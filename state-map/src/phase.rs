//! The phases of a migration, in their order, and what each means for reads and writes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a migration is. Neighbours are safe together, and never more than two neighbours exist at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Memory only.
    #[default]
    Off,
    /// Each key has an owner. Memory, then Redis; acknowledged on memory.
    Dual,
    /// As `dual`; owners write what they held before.
    Backfill,
    /// As `dual`; owners compare samples.
    Shadow,
    /// As `dual`; reads give the newer of memory and Redis.
    ReadNew,
    /// Reads from Redis by the owner; writes are acknowledged by Redis and its replicas.
    Strict,
    /// Redis, by any instance, with the base sequence of what was read.
    PrimaryNew,
    /// As `primary-new`; the copies in memory are gone. No way back.
    StopOld,
    /// As `stop-old`; tombstones and sidecars of absent keys are collected.
    Done,
}

/// Who serves a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The process that has it in memory; other processes do not know it.
    Memory,
    /// The owner, acknowledged on memory.
    Owner,
    /// The owner, acknowledged by Redis.
    StrictOwner,
    /// Redis, whoever asks.
    Redis,
}

impl Phase {
    /// All phases in their order.
    pub const ALL: [Self; 9] = [
        Self::Off,
        Self::Dual,
        Self::Backfill,
        Self::Shadow,
        Self::ReadNew,
        Self::Strict,
        Self::PrimaryNew,
        Self::StopOld,
        Self::Done,
    ];

    /// The phase after this one.
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    /// The phase that a rollback leads to. None from `off`, and none once the old memory is gone.
    pub fn back(self) -> Option<Self> {
        match self {
            Self::Off | Self::StopOld | Self::Done => None,
            _ => Self::ALL.get(self as usize - 1).copied(),
        }
    }

    /// Who serves keys in this phase.
    pub fn service(self) -> Service {
        match self {
            Self::Off => Service::Memory,
            Self::Dual | Self::Backfill | Self::Shadow | Self::ReadNew => Service::Owner,
            Self::Strict => Service::StrictOwner,
            Self::PrimaryNew | Self::StopOld | Self::Done => Service::Redis,
        }
    }

    /// Its name in the control record, in commands and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Dual => "dual",
            Self::Backfill => "backfill",
            Self::Shadow => "shadow",
            Self::ReadNew => "read-new",
            Self::Strict => "strict",
            Self::PrimaryNew => "primary-new",
            Self::StopOld => "stop-old",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No phase has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no phase: off, dual, backfill, shadow, read-new, strict, primary-new, stop-old, done")]
pub struct UnknownPhase(String);

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(name: &str) -> Result<Self, UnknownPhase> {
        let found = Self::ALL.into_iter().find(|phase| phase.name() == name);
        found.ok_or_else(|| UnknownPhase(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_way_back_until_the_point_of_no_return() {
        for phase in Phase::ALL {
            assert_eq!(phase.name().parse(), Ok(phase));
            if let Some(next) = phase.next() {
                let expected = (next < Phase::StopOld).then_some(phase);
                assert_eq!(next.back(), expected, "{next}");
            }
        }
        assert!("dua".parse::<Phase>().is_err());
    }
}
