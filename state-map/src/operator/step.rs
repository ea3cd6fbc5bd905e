//! A change of the control record, and the epoch that it gets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::wire::call::Surveyed;

/// A change of the control record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// From `off` to `dual`, as a new run.
    Start {
        /// Replicas that must have a durable write before it counts.
        replicas: u32,
    },
    /// To the next phase.
    Forward,
    /// To the phase before.
    Back,
    /// The recorded phase under a new epoch, after a fail-over lost the last change (C14).
    Reassert,
}

impl Step {
    /// The phase that it leads to; none when there is no such step.
    pub fn target(self, phase: Phase) -> Option<Phase> {
        match self {
            Self::Start { .. } => (phase == Phase::Off).then_some(Phase::Dual),
            Self::Forward if phase == Phase::Off => None,
            Self::Forward => phase.next(),
            Self::Back => phase.back(),
            Self::Reassert => Some(phase),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start { .. } => "start",
            Self::Forward => "advance",
            Self::Back => "rollback",
            Self::Reassert => "re-assertion",
        })
    }
}

/// C12: above whatever anybody has ever heard of. The record alone may have lost a change in a fail-over.
pub fn new_epoch(view: &Surveyed, journal_epoch: u64) -> u64 {
    let recorded = view.record.stamp.epoch;
    if planted(Bug::EpochFromRecord) {
        return recorded + 1;
    }
    let reported = view.members.values().map(|member| member.newest().epoch).max().unwrap_or_default();
    recorded.max(reported).max(journal_epoch) + 1
}
