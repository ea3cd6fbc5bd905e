//! The gates: what keeps a step from being taken (C6, C7, C10, C12, C14, C17, and the phase table).

use super::blocker::Blocker;
use super::known::{Known, Outcome};
use super::step::Step;
use crate::control::{ControlRecord, Member, Proof};
use crate::phase::{Phase, Service};
use crate::plant::{Bug, planted};
use crate::wire::PROTOCOL;
use crate::wire::call::Surveyed;

/// Keys of an instance that may be on their way to Redis at any moment, under live writes, without being owed.
const UNDER_WAY: u64 = 64;

/// All that keeps a step from being taken; empty when it may be. Of what cannot be repaired by waiting, only that.
pub fn gate(view: &Surveyed, step: Step, known: &Known) -> Vec<Blocker> {
    let Some(target) = step.target(view.record.phase) else {
        return vec![no_such_step(view.record.phase, step)];
    };
    let lost = lost(view);
    if !lost.is_empty() {
        return lost;
    }
    let mut found = Vec::from_iter(failover(view, known));
    match step {
        Step::Reassert => return found,
        Step::Back => found.extend(back(view, target)),
        Step::Start { replicas } => {
            found.extend(fell_back(view));
            found.extend(everybody(view));
            found.extend(enough_replicas(known.replicas, replicas));
        }
        Step::Forward => {
            found.extend(fell_back(view));
            found.extend(everybody(view));
            found.extend(forward(view, known, target));
        }
    }
    found
}

fn no_such_step(phase: Phase, step: Step) -> Blocker {
    match (step, phase) {
        (Step::Start { .. }, phase) => Blocker::Running(phase),
        (_, Phase::Off) => Blocker::NoRun,
        (Step::Back, phase) => Blocker::NoWayBack(phase),
        _ => Blocker::Finished,
    }
}

/// Redis has lost more than one change: no rule covers that.
fn lost(view: &Surveyed) -> Vec<Blocker> {
    let record = &view.record;
    let lost = |(name, member): (&String, &Member)| {
        let (name, serving) = (name.clone(), member.report.serving);
        let epoch = member.newest().epoch;
        // The first change of all may be lost as any other: in `dual` memory still has everything.
        if record.stamp.epoch == 0 && epoch > 0 && serving != Phase::Dual {
            return Some(Blocker::RecordLost { name, epoch });
        }
        let is_ahead = epoch > record.stamp.epoch;
        let apart = (serving as usize).abs_diff(record.phase as usize) > 1;
        (is_ahead && apart).then_some(Blocker::Apart { name, serving, recorded: record.phase })
    };
    view.members.iter().filter_map(lost).collect()
}

/// C14: instances that another server has forgotten need a lease's time to register again.
fn failover(view: &Surveyed, known: &Known) -> Option<Blocker> {
    if !has_failed_over(view) {
        return None;
    }
    let lease_ms = lease_ms(view, known);
    let noticed = known.noticed.as_ref().filter(|noticed| noticed.replid == view.replid);
    let since = noticed.map_or(0, |noticed| view.now_ms.saturating_sub(noticed.at_ms));
    (since < lease_ms).then(|| Blocker::Failover { wait_ms: lease_ms - since })
}

/// Whether the record was written to a server that another has replaced, or that has restarted.
pub(super) fn has_failed_over(view: &Surveyed) -> bool {
    view.record.stamp.epoch > 0 && view.record.replid != view.replid
}

fn lease_ms(view: &Surveyed, known: &Known) -> u64 {
    let leases = view.members.values().map(|member| member.lease_until_ms.saturating_sub(member.seen_ms));
    leases.fold(known.lease_ms, u64::max)
}

/// C14: somebody knows of a change that the record does not have: a higher epoch, or another change under the same.
pub fn fell_back(view: &Surveyed) -> Option<Blocker> {
    let recorded = view.record.stamp;
    let ahead = view.members.iter().filter(|(_, member)| {
        let newest = member.newest();
        newest.epoch > recorded.epoch || (newest.epoch == recorded.epoch && newest.nonce != recorded.nonce)
    });
    let (name, member) = ahead.max_by_key(|(_, member)| member.newest().epoch)?;
    Some(Blocker::FellBack { name: name.clone(), epoch: member.newest().epoch, recorded: recorded.epoch })
}

/// C12: everybody has acknowledged exactly this change, to the server that is there now.
fn everybody(view: &Surveyed) -> Vec<Blocker> {
    if view.members.is_empty() {
        return vec![Blocker::NoInstances];
    }
    let protocols = view.members.iter().filter(|(_, member)| member.report.protocol != PROTOCOL);
    let protocols = protocols
        .map(|(name, member)| Blocker::Protocol { name: name.clone(), speaks: member.report.protocol });
    protocols.chain(unacknowledged(view)).collect()
}

/// Who has not acknowledged the record's change, to the server that is there now.
pub fn unacknowledged(view: &Surveyed) -> Vec<Blocker> {
    let record = &view.record;
    let missing = view.members.iter().filter_map(|(name, member)| {
        let (name, silent_ms) = (name.clone(), silent_ms(view, member));
        if member.ack != record.stamp {
            let waiting_for = member.report.waiting_for.clone();
            let (phase, serving) = (record.phase, member.report.serving);
            return Some(Blocker::Unacknowledged { name, phase, serving, waiting_for, silent_ms });
        }
        (!has_acknowledged_here(record, member, &view.replid))
            .then_some(Blocker::OldHistory { name, silent_ms })
    });
    missing.collect()
}

/// C14: an acknowledgement to a server that another has replaced may be of a change that this one never had.
fn has_acknowledged_here(record: &ControlRecord, member: &Member, replid: &str) -> bool {
    planted(Bug::AcksAfterFailover) || record.stamp.epoch == 0 || member.replid == replid
}

/// How long an instance's lease has been over.
fn silent_ms(view: &Surveyed, member: &Member) -> Option<u64> {
    let silent = view.now_ms.checked_sub(member.lease_until_ms).filter(|ms| *ms > 0);
    silent.map(|_| view.now_ms.saturating_sub(member.seen_ms))
}

fn forward(view: &Surveyed, known: &Known, target: Phase) -> Vec<Blocker> {
    let phase = view.record.phase;
    let mut found = Vec::new();
    if phase.service() == Service::Owner {
        found.extend(counted(view));
        found.extend(conflicts(view));
    }
    match target {
        Phase::Shadow => found.extend(owed(view)),
        Phase::ReadNew => {
            found.extend(compared(view, known.clean_rounds));
            found.extend(verified(view, known));
        }
        Phase::Strict => {
            found.extend(owed(view));
            found.extend(verified(view, known));
        }
        Phase::Done if known.collected != Some(view.record.stamp) => found.push(Blocker::Uncollected),
        _ => {}
    }
    if matches!(target, Phase::Strict | Phase::PrimaryNew | Phase::StopOld) {
        found.extend(enough_replicas(known.replicas, view.record.replicas));
    }
    found
}

/// What instances count is evidence only while they are heard of.
fn counted(view: &Surveyed) -> impl Iterator<Item = Blocker> {
    view.members.iter().flat_map(move |(name, member)| {
        let has_acknowledged = member.ack == view.record.stamp;
        let silent = silent_ms(view, member).filter(|_| has_acknowledged);
        let silent = silent.map(|silent_ms| Blocker::Silent { name: name.clone(), silent_ms });
        let keys = member.report.counts.unclaimed;
        let unclaimed = (keys > 0).then(|| Blocker::Unclaimed { name: name.clone(), keys });
        silent.into_iter().chain(unclaimed)
    })
}

fn conflicts(view: &Surveyed) -> Option<Blocker> {
    let held = view.members.values().map(|member| member.report.counts.conflicts).sum::<u64>();
    // Each is in the list of conflicts, unless the report of it was lost.
    let keys = view.conflicts.max(held);
    (keys > 0).then_some(Blocker::Conflicts(keys))
}

fn owed(view: &Surveyed) -> impl Iterator<Item = Blocker> {
    view.members.iter().filter_map(|(name, member)| {
        let counts = member.report.counts;
        let keys = counts.owed.max(if counts.dirty > UNDER_WAY { counts.dirty } else { 0 });
        (keys > 0).then(|| Blocker::Owed { name: name.clone(), keys })
    })
}

fn compared(view: &Surveyed, wanted: u64) -> impl Iterator<Item = Blocker> {
    view.members.iter().filter_map(move |(name, member)| {
        let rounds = member.report.clean_rounds;
        (rounds < wanted).then(|| Blocker::CleanRounds { name: name.clone(), rounds, wanted })
    })
}

/// Evidence of another change of the record says nothing about this one.
fn verified(view: &Surveyed, known: &Known) -> Option<Blocker> {
    let last = known.verification.as_ref().filter(|last| last.stamp == view.record.stamp);
    let last = last.map(|last| last.outcome);
    (last != Some(Outcome::Pass)).then_some(Blocker::Unverified(last))
}

fn enough_replicas(connected: u32, wanted: u32) -> Option<Blocker> {
    (connected < wanted).then_some(Blocker::Replicas { connected, wanted })
}

/// C12: back if it undoes the last step, or if everybody has acknowledged. A fail-over voids the right to undo (C14).
fn back(view: &Surveyed, target: Phase) -> Vec<Blocker> {
    let mut found = Vec::new();
    let undoes = view.record.prev == Some(target) && !has_failed_over(view);
    if !undoes && !planted(Bug::UndoTwice) {
        found.extend(fell_back(view));
        found.extend(unacknowledged(view));
    }
    if target == Phase::ReadNew {
        let may_run = view.dead.values().filter(|evicted| evicted.proof == Proof::Lapsed);
        found.extend(may_run.map(|evicted| Blocker::MayRun { name: evicted.name.clone() }));
    }
    found
}
