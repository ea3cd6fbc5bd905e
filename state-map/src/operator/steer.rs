//! Taking a step: survey, gates, journal, compare-and-set, and finding out what became of it.

use std::sync::Arc;

use super::evict::{Eviction, EvictionRefused, eviction};
use super::gate::{gate, has_failed_over};
use super::journal::{Entry, Evidence, Intent, Journal};
use super::known::{Known, Noticed, Verification};
use super::step::{Step, new_epoch};
use super::stopped::Stopped;
use crate::control::{ControlRecord, Member, Proof, Stamp};
use crate::phase::Phase;
use crate::port::Port;
use crate::wire::call::{Call, Evict, Failure, Reply, Steer, Steered, Surveyed};
use crate::wire::key::Key;
use crate::wire::message::Keep;

/// What the operator asks of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Clean rounds of compares that are wanted before `read-new`.
    pub clean_rounds: u64,
    /// The least time that counts as a lease, in milliseconds.
    pub lease_ms: u64,
    /// Replicas that are connected now.
    pub replicas: u32,
    /// Fencing token of the operator's lock; 0: without a lock.
    pub fencing: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { clean_rounds: 3, lease_ms: 10_000, replicas: 0, fencing: 0 }
    }
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which step.
    pub step: Step,
    /// The phase before.
    pub from: Phase,
    /// The record now.
    pub record: ControlRecord,
}

/// Steers one migration.
pub struct Operator<P, J> {
    port: Arc<P>,
    journal: J,
    /// What is asked.
    pub terms: Terms,
    /// What was looked at before the run that is about to begin: evidence of its start.
    pub checks: Vec<String>,
}

/// How the migration stands.
///
/// # Errors
/// [`Stopped::Redis`].
pub async fn survey<P: Port>(port: &P) -> Result<Surveyed, Stopped> {
    match port.call(Call::Survey, 0).await {
        Ok(Reply::Surveyed(view)) => Ok(*view),
        Ok(other) => Err(unexpected(&other)),
        Err(failure) => Err(Stopped::Redis(failure.to_string())),
    }
}

/// Where a step leads. A way back to `off` that a fail-over has lost is taken again, not back: whoever serves from memory
/// alone has changes that no record of the run knows.
fn target(view: &Surveyed, step: Step) -> Option<Phase> {
    let recorded = view.record.stamp.epoch;
    let has_left = |member: &Member| member.newest().epoch > recorded && member.report.serving == Phase::Off;
    match step.target(view.record.phase)? {
        Phase::Dual if step == Step::Reassert && view.members.values().any(has_left) => Some(Phase::Off),
        target => Some(target),
    }
}

fn unexpected(reply: &Reply) -> Stopped {
    Stopped::Redis(format!("Redis gave an answer of another call: {reply:?}"))
}

impl<P: Port, J: Journal> Operator<P, J> {
    /// An operator at this port, with this journal.
    pub fn new(port: Arc<P>, journal: J, terms: Terms) -> Self {
        Self { port, journal, terms, checks: Vec::new() }
    }

    /// The journal.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// The world that it steers in.
    pub fn port(&self) -> &P {
        &self.port
    }

    /// What the gates know beside a survey.
    pub fn known(&self) -> Known {
        let notes = self.journal.notes();
        Known {
            journal_epoch: notes.highest_epoch,
            noticed: notes.noticed.clone(),
            verification: notes.verification.clone(),
            collected: notes.collected,
            clean_rounds: self.terms.clean_rounds,
            lease_ms: self.terms.lease_ms,
            replicas: self.terms.replicas,
        }
    }

    /// How the migration stands. A fail-over is written down when it is first seen: its time counts from then (C14).
    ///
    /// # Errors
    /// [`Stopped::Redis`] and [`Stopped::Journal`].
    pub async fn survey(&mut self) -> Result<Surveyed, Stopped> {
        let view = survey(&*self.port).await?;
        let noticed = self.journal.notes().noticed.as_ref();
        if has_failed_over(&view) && noticed.is_none_or(|noticed| noticed.replid != view.replid) {
            let noticed = Noticed { replid: view.replid.clone(), at_ms: view.now_ms };
            self.write(Entry::Noticed(noticed), 0, false).await?;
        }
        Ok(view)
    }

    /// Begins a run.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub async fn start(&mut self, replicas: u32) -> Result<Changed, Stopped> {
        self.take(Step::Start { replicas }).await
    }

    /// To the next phase.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub async fn advance(&mut self) -> Result<Changed, Stopped> {
        self.take(Step::Forward).await
    }

    /// To the phase before.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub async fn rollback(&mut self) -> Result<Changed, Stopped> {
        self.take(Step::Back).await
    }

    /// C14: the recorded phase under a new epoch, when a fail-over has lost the last change.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub async fn reassert(&mut self) -> Result<Changed, Stopped> {
        self.take(Step::Reassert).await
    }

    async fn take(&mut self, step: Step) -> Result<Changed, Stopped> {
        let view = self.survey().await?;
        let blockers = gate(&view, step, &self.known());
        let target = target(&view, step).filter(|_| blockers.is_empty());
        let Some(target) = target else { return Err(Stopped::Blocked { step, blockers }) };
        self.last_change_is_kept(&view).await?;
        let record = self.successor(&view, step, target);
        let intent = Intent {
            step,
            from: view.record.phase,
            expected: view.record.stamp,
            record: record.clone(),
            evidence: self.evidence(&view, step),
        };
        // The way back is not barred by a replica that is away: the copy on disk keeps its epoch.
        let replicas = if step == Step::Back { 0 } else { record.replicas };
        self.write(Entry::Intended(Box::new(intent)), replicas, false).await?;
        let outcome = self.steer(view.record.stamp, &record).await;
        let entry = match &outcome {
            Ok(()) => Entry::Done { stamp: record.stamp, kept: true },
            Err(Stopped::NotDurable { .. }) => Entry::Done { stamp: record.stamp, kept: false },
            Err(stopped) => Entry::NotDone { stamp: record.stamp, reason: stopped.to_string() },
        };
        let written = self.write(entry, replicas, outcome.is_ok()).await;
        outcome.and(written).map(|()| Changed { step, from: view.record.phase, record })
    }

    /// C12: a change waits until the replicas have the one before, lest a fail-over take two back at once.
    async fn last_change_is_kept(&self, view: &Surveyed) -> Result<(), Stopped> {
        let ControlRecord { replicas, stamp, .. } = view.record;
        if replicas == 0 || self.journal.notes().kept == Some(stamp) {
            return Ok(());
        }
        match self.port.call(Call::Barrier, replicas).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                Err(Stopped::Redis(format!("the replicas do not have the last change: {failure}")))
            }
        }
    }

    fn successor(&self, view: &Surveyed, step: Step, phase: Phase) -> ControlRecord {
        let before = &view.record;
        let epoch = new_epoch(view, self.journal.notes().highest_epoch);
        let (run, replicas) = match step {
            Step::Start { replicas } => (self.port.random(), replicas),
            _ => (before.run, before.replicas),
        };
        let can_be_undone = matches!(step, Step::Start { .. } | Step::Forward);
        ControlRecord {
            run,
            stamp: Stamp { epoch, nonce: self.port.random() },
            phase,
            prev: can_be_undone.then_some(before.phase),
            replid: view.replid.clone(),
            replicas,
        }
    }

    fn evidence(&self, view: &Surveyed, step: Step) -> Evidence {
        let checks = if matches!(step, Step::Start { .. }) { self.checks.clone() } else { Vec::new() };
        Evidence {
            checks,
            now_ms: view.now_ms,
            replid: view.replid.clone(),
            members: view.members.clone(),
            conflicts: view.conflicts,
            replicas: self.terms.replicas,
            verification: self.journal.notes().verification.clone(),
        }
    }

    pub(super) async fn steer(&self, expected: Stamp, record: &ControlRecord) -> Result<(), Stopped> {
        let steer = Steer { expected, record: record.clone(), fencing: self.terms.fencing };
        match self.port.call(Call::Steer(Box::new(steer)), record.replicas).await {
            Ok(Reply::Steered(Steered::Done)) => Ok(()),
            // The answer to a first attempt may have been lost: then the change in the way is our own.
            Ok(Reply::Steered(Steered::Changed)) => {
                self.find_out(expected, record, "it was tried twice").await
            }
            Ok(Reply::Steered(Steered::Fenced)) => Err(Stopped::Fenced),
            Ok(other) => Err(unexpected(&other)),
            Err(Failure::Refused(cause)) => Err(Stopped::Redis(cause)),
            Err(Failure::Unknown(cause)) => self.find_out(expected, record, &cause).await,
        }
    }

    /// What became of a change whose outcome is not known (C15).
    async fn find_out(&self, expected: Stamp, record: &ControlRecord, cause: &str) -> Result<(), Stopped> {
        let (stamp, cause) = (record.stamp, cause.to_owned());
        let Ok(view) = survey(&*self.port).await else { return Err(Stopped::Unknown { stamp, cause }) };
        match view.record.stamp {
            found if found == stamp => match self.port.call(Call::Barrier, record.replicas).await {
                Ok(_) => Ok(()),
                Err(failure) => Err(Stopped::NotDurable { stamp, cause: failure.to_string() }),
            },
            found if found == expected => Err(Stopped::Unknown { stamp, cause }),
            _ => Err(Stopped::Overtaken { expected, found: Box::new(view.record) }),
        }
    }

    /// C10: drops an instance, if the proof is enough.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub async fn evict(&mut self, name: &str, proof: Proof) -> Result<Eviction, Stopped> {
        let view = self.survey().await?;
        let eviction = eviction(&view, name, proof)?;
        let Eviction { name, incarnation, proof } = eviction.clone();
        let replicas = view.record.replicas;
        self.write(Entry::Evicting { name: name.clone(), incarnation, proof }, replicas, false).await?;
        let evict = Evict { name, incarnation, proof, fencing: self.terms.fencing };
        match self.port.call(Call::Evict(evict), replicas).await {
            Ok(Reply::Steered(Steered::Done)) => Ok(eviction),
            Ok(Reply::Steered(Steered::Changed)) => self.has_gone(eviction).await,
            Ok(Reply::Steered(Steered::Fenced)) => Err(Stopped::Fenced),
            Ok(other) => Err(unexpected(&other)),
            Err(failure) => Err(Stopped::Redis(failure.to_string())),
        }
    }

    /// Whether an incarnation that Redis did not find is dead already: the answer to a first attempt may have been lost.
    async fn has_gone(&self, eviction: Eviction) -> Result<Eviction, Stopped> {
        let view = survey(&*self.port).await?;
        match view.dead.get(&eviction.incarnation) {
            Some(dead) if dead.proof == eviction.proof => Ok(eviction),
            _ => Err(Stopped::Eviction(EvictionRefused::Another { name: eviction.name })),
        }
    }

    /// Writes down what a verification came to: evidence for the gates.
    ///
    /// # Errors
    /// [`Stopped::Journal`].
    pub async fn verified(&mut self, verification: Verification) -> Result<(), Stopped> {
        self.write(Entry::Verified(verification), 0, false).await
    }

    /// Writes down that tombstones and sidecars of absent keys were collected in this phase.
    ///
    /// # Errors
    /// [`Stopped::Journal`].
    pub async fn collected(&mut self, stamp: Stamp, records: u64) -> Result<(), Stopped> {
        self.write(Entry::Collected { stamp, records }, 0, false).await
    }

    /// Writes down which of a key's two values stays, before that is told to the instances.
    ///
    /// # Errors
    /// [`Stopped::Journal`].
    pub async fn resolving(&mut self, key: Key, keep: Keep) -> Result<(), Stopped> {
        self.write(Entry::Resolved { key, keep }, 0, false).await
    }

    async fn write(&mut self, entry: Entry, replicas: u32, changed: bool) -> Result<(), Stopped> {
        let written = self.journal.add(entry, replicas).await;
        written.map_err(|cause| Stopped::Journal { cause, changed })
    }
}
