//! Why a step was not taken, or is not known to have been.

use super::blocker::Blocker;
use super::evict::EvictionRefused;
use super::step::Step;
use crate::control::{ControlRecord, Stamp};

/// Why a step was not taken, or is not known to have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The gates are shut. Nothing was changed.
    #[error("{step} is not possible now:{}", listed(.blockers))]
    Blocked {
        /// The step.
        step: Step,
        /// What keeps it.
        blockers: Vec<Blocker>,
    },
    /// An instance cannot be dropped. Nothing was changed.
    #[error(transparent)]
    Eviction(#[from] EvictionRefused),
    /// Somebody else has changed the record in the meantime. Nothing was changed by this step.
    #[error(
        "somebody else was faster: the record was at epoch {}, and is now in {}, epoch {}; nothing was changed by this \
         command",
        .expected.epoch, .found.phase, .found.stamp.epoch
    )]
    Overtaken {
        /// The change that the decision was taken on.
        expected: Stamp,
        /// The record as it is now.
        found: Box<ControlRecord>,
    },
    /// Somebody else has the operator's lock. Nothing was changed.
    #[error(
        "somebody else has taken the operator's lock in the meantime; nothing was changed by this command"
    )]
    Fenced,
    /// Redis did not answer, or refused. Nothing was changed.
    #[error("{0}; nothing was changed")]
    Redis(String),
    /// Whether the record was changed is not known.
    #[error(
        "whether the change to epoch {} was made is not known ({cause}): `scalectl migrate state status` shows where \
         the migration is, and the same command goes on from there", .stamp.epoch
    )]
    Unknown {
        /// The change.
        stamp: Stamp,
        /// What happened.
        cause: String,
    },
    /// The record was changed, and not all replicas have it that must.
    #[error(
        "the change to epoch {} was made, and the replicas that must have it do not ({cause}): a fail-over now would \
         lose it. `scalectl migrate state status` shows when they have it", .stamp.epoch
    )]
    NotDurable {
        /// The change.
        stamp: Stamp,
        /// What happened.
        cause: String,
    },
    /// The journal cannot be written.
    #[error("the journal cannot be written: {cause}{}", if *.changed { "; the change itself was made" } else { "; nothing was changed" })]
    Journal {
        /// Why.
        cause: String,
        /// Whether the change was made before.
        changed: bool,
    },
}

fn listed(blockers: &[Blocker]) -> String {
    blockers.iter().map(|blocker| format!("\n  - {blocker}")).collect()
}
