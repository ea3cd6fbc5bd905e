//! Dropping an instance that does not answer (C10): which proof is enough, and when.

use crate::control::{Id, Member, Proof};
use crate::phase::Phase;
use crate::wire::call::Surveyed;

use super::blocker::Time;

/// An incarnation that is to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eviction {
    /// The instance's name.
    pub name: String,
    /// Its incarnation.
    pub incarnation: Id,
    /// Why it counts as dead.
    pub proof: Proof,
}

/// Why an instance cannot be dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvictionRefused {
    /// Nobody has this name.
    #[error("no instance is called {name}; there {}", among(.known))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// It was heard of just now.
    #[error(
        "{name} was heard of {} ago and its lease runs for {} more: if its process is stopped, try again then; if not, \
         stop it first",
        Time(*.seen_ms_ago), Time(*.lease_ms_left)
    )]
    Alive {
        /// The name.
        name: String,
        /// How long ago.
        seen_ms_ago: u64,
        /// What is left of its lease.
        lease_ms_left: u64,
    },
    /// Another process has taken the name in the meantime.
    #[error("{name} has started anew in the meantime: there is nothing to drop")]
    Another {
        /// The name.
        name: String,
    },
    /// A lease that is over proves nothing yet.
    #[error(
        "{name} has been silent for {}, and that does not prove that it is stopped: in {phase} a process that resumes \
         would acknowledge writes from its memory, and they would be lost. Stop the process, then run `scalectl migrate \
         state evict {name} --stopped`",
        Time(*.silent_ms)
    )]
    NoProof {
        /// The name.
        name: String,
        /// How long its lease has been over.
        silent_ms: u64,
        /// The phase that somebody may still serve.
        phase: Phase,
    },
}

fn among(known: &[String]) -> String {
    if known.is_empty() { "is none".to_owned() } else { format!("are {}", known.join(", ")) }
}

/// The incarnation to be dropped, if this proof is enough for it now.
///
/// # Errors
/// See [`EvictionRefused`].
pub fn eviction(view: &Surveyed, name: &str, proof: Proof) -> Result<Eviction, EvictionRefused> {
    let Some(member) = view.members.get(name) else { return dropped_before(view, name, proof) };
    if member.lease_until_ms >= view.now_ms {
        return Err(EvictionRefused::Alive {
            name: name.to_owned(),
            seen_ms_ago: view.now_ms.saturating_sub(member.seen_ms),
            lease_ms_left: member.lease_until_ms - view.now_ms,
        });
    }
    if proof != Proof::Stopped && !is_strict(view) {
        let silent_ms = view.now_ms.saturating_sub(member.seen_ms);
        let phase = view.members.values().map(serving).min().unwrap_or(view.record.phase);
        return Err(EvictionRefused::NoProof { name: name.to_owned(), silent_ms, phase });
    }
    Ok(Eviction { name: name.to_owned(), incarnation: member.incarnation, proof })
}

/// One that was dropped when its lease had lapsed may be proven stopped later.
fn dropped_before(view: &Surveyed, name: &str, proof: Proof) -> Result<Eviction, EvictionRefused> {
    let lapsed = view.dead.iter().find(|(_, dead)| dead.name == name && dead.proof == Proof::Lapsed);
    match lapsed {
        Some((incarnation, _)) if proof == Proof::Stopped => {
            Ok(Eviction { name: name.to_owned(), incarnation: *incarnation, proof })
        }
        _ => {
            let known = view.members.keys().cloned().collect();
            Err(EvictionRefused::Unknown { name: name.to_owned(), known })
        }
    }
}

/// Whether everybody, the silent one included, acknowledges writes by Redis only.
fn is_strict(view: &Surveyed) -> bool {
    view.record.phase >= Phase::Strict && view.members.values().all(|member| serving(member) >= Phase::Strict)
}

/// The lowest phase that an instance may acknowledge writes in: below `strict` until it has passed the barrier.
fn serving(member: &Member) -> Phase {
    if member.report.waiting_for.is_empty() {
        member.report.serving
    } else {
        member.report.serving.min(Phase::ReadNew)
    }
}
