//! What keeps a step from being taken, with the repair.

use std::fmt;

use super::known::Outcome;
use crate::phase::Phase;
use crate::wire::PROTOCOL;

/// What keeps a step from being taken. `Display` says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// A run is on already.
    Running(Phase),
    /// There is nothing to go on from, or back from.
    NoRun,
    /// `done` is the last phase.
    Finished,
    /// The memory copies are gone.
    NoWayBack(Phase),
    /// Nobody takes part.
    NoInstances,
    /// An instance speaks another version of the protocol.
    Protocol {
        /// Its name.
        name: String,
        /// The version that it speaks.
        speaks: u32,
    },
    /// The control record is gone, and instances know of a run.
    RecordLost {
        /// One of them.
        name: String,
        /// The epoch that it knows.
        epoch: u64,
    },
    /// An instance serves a phase that the record cannot have led it to.
    Apart {
        /// Its name.
        name: String,
        /// What it serves.
        serving: Phase,
        /// What the record says.
        recorded: Phase,
    },
    /// An instance knows of a change that the record has lost (C14).
    FellBack {
        /// Its name.
        name: String,
        /// The change's epoch.
        epoch: u64,
        /// The record's epoch.
        recorded: u64,
    },
    /// Another server has taken over, or it has restarted: instances that it forgot need time to come back (C14).
    Failover {
        /// How long still.
        wait_ms: u64,
    },
    /// An instance has not acknowledged the phase (C7, C12).
    Unacknowledged {
        /// Its name.
        name: String,
        /// The phase.
        phase: Phase,
        /// What it serves.
        serving: Phase,
        /// What it waits for, as it says.
        waiting_for: String,
        /// How long its lease has been over.
        silent_ms: Option<u64>,
    },
    /// An instance has acknowledged to a server that another has replaced (C14).
    OldHistory {
        /// Its name.
        name: String,
        /// How long its lease has been over.
        silent_ms: Option<u64>,
    },
    /// An instance has acknowledged and is silent since: what it counts is not known (C17).
    Silent {
        /// Its name.
        name: String,
        /// How long its lease has been over.
        silent_ms: u64,
    },
    /// Keys have two values of which nobody has decided (C6).
    Conflicts(u64),
    /// An instance holds keys that it has not claimed (C6).
    Unclaimed {
        /// Its name.
        name: String,
        /// How many.
        keys: u64,
    },
    /// An instance has not written all that it has.
    Owed {
        /// Its name.
        name: String,
        /// How many keys.
        keys: u64,
    },
    /// Compares have not been clean for long enough.
    CleanRounds {
        /// The instance.
        name: String,
        /// Clean rounds in a row so far.
        rounds: u64,
        /// How many are wanted.
        wanted: u64,
    },
    /// There is no verification of this phase, or not a clean one.
    Unverified(Option<Outcome>),
    /// Fewer replicas are connected than must have each write.
    Replicas {
        /// Connected.
        connected: u32,
        /// Wanted.
        wanted: u32,
    },
    /// An instance was dropped, and whether its process is stopped is not known (C10).
    MayRun {
        /// Its name.
        name: String,
    },
    /// Tombstones and sidecars of absent keys are still there (C19).
    Uncollected,
}

impl Blocker {
    /// The instance that it is about.
    pub fn instance(&self) -> Option<&str> {
        match self {
            Self::Protocol { name, .. }
            | Self::RecordLost { name, .. }
            | Self::Apart { name, .. }
            | Self::FellBack { name, .. }
            | Self::Unacknowledged { name, .. }
            | Self::OldHistory { name, .. }
            | Self::Silent { name, .. }
            | Self::Unclaimed { name, .. }
            | Self::Owed { name, .. }
            | Self::CleanRounds { name, .. }
            | Self::MayRun { name } => Some(name),
            _ => None,
        }
    }

    /// Its name for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::NoRun => "no-run",
            Self::Finished => "finished",
            Self::NoWayBack(_) => "no-way-back",
            Self::NoInstances => "no-instances",
            Self::Protocol { .. } => "protocol",
            Self::RecordLost { .. } => "record-lost",
            Self::Apart { .. } => "apart",
            Self::FellBack { .. } => "fell-back",
            Self::Failover { .. } => "failover",
            Self::Unacknowledged { .. } => "unacknowledged",
            Self::OldHistory { .. } => "old-history",
            Self::Silent { .. } => "silent",
            Self::Conflicts(_) => "conflicts",
            Self::Unclaimed { .. } => "unclaimed",
            Self::Owed { .. } => "owed",
            Self::CleanRounds { .. } => "clean-rounds",
            Self::Unverified(_) => "unverified",
            Self::Replicas { .. } => "replicas",
            Self::MayRun { .. } => "may-run",
            Self::Uncollected => "uncollected",
        }
    }

    /// Whether it goes away without the operator's doing, when all is well.
    pub fn passes(&self) -> bool {
        match self {
            Self::Failover { .. }
            | Self::FellBack { .. }
            | Self::OldHistory { silent_ms: None, .. }
            | Self::Unacknowledged { silent_ms: None, .. }
            | Self::Unclaimed { .. }
            | Self::Owed { .. }
            | Self::CleanRounds { .. }
            | Self::Replicas { .. } => true,
            // Somebody who is silent may come back.
            Self::Silent { .. } | Self::OldHistory { .. } | Self::Unacknowledged { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(phase) => {
                write!(f, "a run is on already, in {phase}: `scalectl migrate state advance` goes on with it")
            }
            Self::NoRun => f.write_str("there is no run: `scalectl migrate state start` begins one"),
            Self::Finished => f.write_str("the run is done: no phase follows"),
            Self::NoWayBack(phase) => {
                write!(f, "there is no way back from {phase}: the copies in memory are gone")
            }
            Self::NoInstances => f.write_str(
                "no instance has registered: start the application with this Redis and this namespace first",
            ),
            Self::Protocol { name, speaks } => write!(
                f,
                "{name} speaks version {speaks} of the protocol and scalectl version {PROTOCOL}: bring both to the \
                 same release"
            ),
            Self::RecordLost { name, epoch } => write!(
                f,
                "the control record is gone, and {name} knows of its epoch {epoch}: Redis has lost its data. Bring it \
                 back from a replica or a backup; nothing is changed before"
            ),
            Self::Apart { name, serving, recorded } => write!(
                f,
                "{name} serves {serving} and the record says {recorded}: Redis has lost more than its last change. \
                 Bring it back from a replica or a backup; nothing is changed before"
            ),
            Self::FellBack { name, epoch, recorded } => write!(
                f,
                "{name} knows of epoch {epoch} and the record has {recorded}: a fail-over lost the last change. The \
                 recorded phase has to be asserted anew; the next command does it"
            ),
            Self::Failover { wait_ms } => write!(
                f,
                "another Redis server has taken over, or it has restarted: wait {} more for the instances to register \
                 again",
                Time(*wait_ms)
            ),
            Self::Unacknowledged { name, phase, serving, waiting_for, silent_ms } => {
                write!(f, "{name} has not acknowledged {phase}; it serves {serving}")?;
                if !waiting_for.is_empty() {
                    write!(f, " and waits for {waiting_for}")?;
                }
                silence(f, name, *silent_ms)
            }
            Self::OldHistory { name, silent_ms } => {
                write!(f, "{name} has not been heard of since another Redis server took over")?;
                silence(f, name, *silent_ms)
            }
            Self::Silent { name, silent_ms } => {
                write!(f, "{name} has acknowledged, and how it stands is not known")?;
                silence(f, name, Some(*silent_ms))
            }
            Self::Conflicts(keys) => write!(
                f,
                "{} has two values: `scalectl migrate state resolve` shows both and takes your decision",
                Keys(*keys)
            ),
            Self::Unclaimed { name, keys } => write!(f, "{name} has {} to claim: wait", Keys(*keys)),
            Self::Owed { name, keys } => write!(f, "{name} has {} to write to Redis: wait", Keys(*keys)),
            Self::CleanRounds { name, rounds, wanted } => write!(
                f,
                "{name} has compared {rounds} of {wanted} rounds without a difference: wait, and see `scalectl migrate \
                 state status` if it stays so"
            ),
            Self::Unverified(last) => {
                let last = match last {
                    None => "nothing was verified in this phase",
                    Some(Outcome::Fail) => "the verification found differences",
                    Some(_) => "the verification was inconclusive",
                };
                write!(f, "{last}: run `scalectl migrate state verify`")
            }
            Self::Replicas { connected, wanted } => write!(
                f,
                "each write has to reach {wanted} replicas, and {connected} are connected: connect them first"
            ),
            Self::MayRun { name } => write!(
                f,
                "{name} was dropped while its process may still run, and in read-new it would acknowledge from its \
                 memory: make sure that it is stopped, then run `scalectl migrate state evict {name} --stopped`"
            ),
            Self::Uncollected => f.write_str(
                "tombstones and sidecars are not collected yet: `scalectl migrate state finish` does it",
            ),
        }
    }
}

/// What to do about an instance that is silent.
fn silence(f: &mut fmt::Formatter<'_>, name: &str, silent_ms: Option<u64>) -> fmt::Result {
    match silent_ms {
        None => Ok(()),
        Some(ms) => write!(
            f,
            "; it has been silent for {}: wait for it, or stop its process and run `scalectl migrate state evict {name} \
             --stopped`, or undo with `scalectl migrate state rollback`",
            Time(ms)
        ),
    }
}

/// A time for people.
pub(super) struct Time(pub u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 10_000 => write!(f, "{}.{} s", ms / 1_000, ms % 1_000 / 100),
            ms if ms < 120_000 => write!(f, "{} s", ms / 1_000),
            ms => write!(f, "{} min", ms / 60_000),
        }
    }
}

/// A number of keys.
struct Keys(u64);

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.0 == 1 { "key" } else { "keys" };
        write!(f, "{} {word}", self.0)
    }
}
