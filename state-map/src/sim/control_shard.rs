//! The scripts that work on the control record and the instances (C12, C13, C17), in plain Rust.

use std::collections::BTreeMap;

use super::replicated::Replicated;
use crate::control::{ControlRecord, Evicted, Id, Member, Proof};
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::wire::call::{Beat, Beaten, Call, Evict, Reply, Standing, Steer, Steered, Surveyed};
use crate::wire::key::Key;
use crate::wire::message::Conflict;

/// What the control shard has.
#[derive(Debug, Clone, Default)]
pub struct ControlShard {
    pub record: ControlRecord,
    pub members: BTreeMap<String, Member>,
    pub dead: BTreeMap<Id, Evicted>,
    pub conflicts: BTreeMap<Key, Conflict>,
    /// The operators' lock: its holder's token.
    pub fencing: u64,
}

/// Carries out a call.
pub fn carry_out(
    shard: &mut Replicated<ControlShard>,
    call: &Call,
    now_ms: u64,
    replid: &str,
    steered: &mut bool,
) -> Reply {
    match call {
        Call::Beat(beat) => Reply::Beaten(Box::new(take_beat(shard, beat, now_ms, replid))),
        Call::Inquire(inquire) => Reply::Standing(standing(shard.read(), inquire.incarnation, now_ms)),
        Call::Survey => Reply::Surveyed(Box::new(survey(shard.read(), now_ms, replid))),
        Call::Steer(steer) => Reply::Steered(turn(shard, steer, replid, steered)),
        Call::Evict(evict) => Reply::Steered(bury(shard, evict, now_ms)),
        Call::Decision { key } => Reply::Conflict(shard.read().conflicts.get(key).cloned().map(Box::new)),
        Call::Conflict { key, report } => {
            set_conflict(shard.write(), key, report.as_deref());
            Reply::Done
        }
        _ => Reply::Done,
    }
}

fn set_conflict(control: &mut ControlShard, key: &Key, report: Option<&Conflict>) {
    match report {
        Some(report) => drop(control.conflicts.insert(key.clone(), report.clone())),
        None => drop(control.conflicts.remove(key)),
    }
}

/// A heartbeat of a dead incarnation, or of one whose name another has, changes nothing.
fn take_beat(shard: &mut Replicated<ControlShard>, beat: &Beat, now_ms: u64, replid: &str) -> Beaten {
    let control = shard.read();
    let record = control.record.clone();
    let found = control.members.get(&beat.name).map_or(Id::NONE, |member| member.incarnation);
    let replaced = found != beat.incarnation && !found.is_none();
    let is_refused = replaced && !(beat.registering && found == beat.replaces);
    let buried = control.dead.get(&beat.incarnation).map(|evicted| evicted.proof);
    let dead = buried.or(is_refused.then_some(Proof::Succeeded));
    if dead.is_none() {
        let member = Member {
            incarnation: beat.incarnation,
            run: beat.run,
            ack: beat.ack,
            replid: beat.replid.clone(),
            seen_ms: now_ms,
            lease_until_ms: now_ms + beat.lease_ms,
            report: beat.report.clone(),
        };
        let control = shard.write();
        control.members.insert(beat.name.clone(), member);
        if replaced {
            let evicted = Evicted { name: beat.name.clone(), proof: Proof::Succeeded, at_ms: now_ms };
            control.dead.insert(found, evicted);
        }
    }
    Beaten { record, replid: replid.to_owned(), now_ms, dead }
}

/// C10: whether an owner's key may be claimed.
fn standing(control: &ControlShard, incarnation: Id, now_ms: u64) -> Standing {
    let proof = control.dead.get(&incarnation).map(|evicted| evicted.proof);
    if matches!(proof, Some(Proof::Stopped | Proof::Succeeded)) {
        return Standing::Gone;
    }
    let is_silent = |member: &Member| {
        member.incarnation == incarnation && member.lease_until_ms <= now_ms && serves_strict(member)
    };
    let has_lapsed = proof == Some(Proof::Lapsed) || control.members.values().any(is_silent);
    let mut others = control.members.values().filter(|member| member.incarnation != incarnation);
    let is_strict =
        control.record.phase >= Phase::Strict && others.all(|member| member.ack == control.record.stamp);
    let is_early = planted(Bug::ClaimByLeaseInShadow) && control.record.phase >= Phase::Shadow;
    if has_lapsed && (is_strict || is_early) { Standing::Lapsed } else { Standing::Alive }
}

/// Whether the instance had acknowledged `strict` or later when it was last heard of.
fn serves_strict(member: &Member) -> bool {
    member.report.serving >= Phase::Strict || planted(Bug::ClaimByLeaseInShadow)
}

fn survey(control: &ControlShard, now_ms: u64, replid: &str) -> Surveyed {
    let undecided = control.conflicts.values().filter(|conflict| conflict.keep.is_none());
    Surveyed {
        record: control.record.clone(),
        replid: replid.to_owned(),
        now_ms,
        members: control.members.clone(),
        dead: control.dead.clone(),
        conflicts: undecided.count() as u64,
    }
}

fn turn(shard: &mut Replicated<ControlShard>, steer: &Steer, replid: &str, steered: &mut bool) -> Steered {
    if steer.fencing != 0 && steer.fencing != shard.read().fencing {
        return Steered::Fenced;
    }
    if shard.read().record.stamp != steer.expected {
        return Steered::Changed;
    }
    shard.write().record = ControlRecord { replid: replid.to_owned(), ..steer.record.clone() };
    *steered = true;
    Steered::Done
}

/// A later proof replaces a weaker one: `lapsed` becomes `stopped`.
fn bury(shard: &mut Replicated<ControlShard>, evict: &Evict, now_ms: u64) -> Steered {
    if evict.fencing != 0 && evict.fencing != shard.read().fencing {
        return Steered::Fenced;
    }
    let control = shard.read();
    let is_member =
        control.members.get(&evict.name).is_some_and(|member| member.incarnation == evict.incarnation);
    let buried = control.dead.get(&evict.incarnation).map(|evicted| evicted.proof);
    if !is_member && buried.is_none() {
        return Steered::Changed;
    }
    let control = shard.write();
    if is_member {
        control.members.remove(&evict.name);
    }
    if buried.is_none_or(|proof| proof == Proof::Lapsed) {
        let evicted = Evicted { name: evict.name.clone(), proof: evict.proof, at_ms: now_ms };
        control.dead.insert(evict.incarnation, evicted);
    }
    Steered::Done
}
