//! The scripts that work on one key (C1-C5, C10), in plain Rust.

use std::collections::BTreeMap;

use super::replicated::Replicated;
use crate::control::Id;
use crate::plant::{Bug, planted};
use crate::wire::call::{
    Bytes, Call, Caller, Claim, Claimed, Put, Record, Release, Reply, Verdict, Version, Write, Written,
};
use crate::wire::key::Key;
use crate::wire::message::Message;

/// The sidecar of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sidecar {
    pub run: Id,
    pub claim_epoch: u64,
    pub generation: u64,
    pub owner: Id,
    pub seq: u64,
    pub op: Id,
    pub deleted: bool,
    pub expires_ms: u64,
    /// When the sidecar itself goes. 0: never.
    pub gone_ms: u64,
}

/// What lies under one key: a value with its time to live, and a sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    value: Option<(Bytes, u64)>,
    sidecar: Option<Sidecar>,
}

impl Cell {
    /// The value, unless its time is up.
    pub fn value(&self, now_ms: u64) -> Option<&Bytes> {
        self.value.as_ref().filter(|(_, expires_ms)| !is_over(*expires_ms, now_ms)).map(|(value, _)| value)
    }

    /// The sidecar, unless its time is up.
    pub fn sidecar(&self, now_ms: u64) -> Option<&Sidecar> {
        self.sidecar.as_ref().filter(|sidecar| !is_over(sidecar.gone_ms, now_ms))
    }

    fn sidecar_of(&self, run: Id, now_ms: u64) -> Option<&Sidecar> {
        self.sidecar(now_ms).filter(|sidecar| sidecar.run == run || planted(Bug::RunIgnored))
    }

    /// The record of a run. One of another run, and a value without a sidecar, are none.
    pub fn record(&self, run: Id, now_ms: u64) -> Option<Record> {
        let sidecar = self.sidecar_of(run, now_ms)?;
        let value = self.value(now_ms).filter(|_| !sidecar.deleted).cloned();
        Some(Record {
            claim_epoch: sidecar.claim_epoch,
            generation: sidecar.generation,
            owner: sidecar.owner,
            version: Version { seq: sidecar.seq, op: sidecar.op, value, expires_ms: sidecar.expires_ms },
            deleted: sidecar.deleted,
        })
    }

    fn apply(&mut self, version: &Version, seq: u64) {
        let Some(sidecar) = &mut self.sidecar else { return };
        (sidecar.seq, sidecar.op, sidecar.expires_ms) = (seq, version.op, version.expires_ms);
        sidecar.deleted = version.value.is_none();
        sidecar.gone_ms = if planted(Bug::SidecarWithTtl) { version.expires_ms } else { 0 };
        self.value = version.value.clone().map(|value| (value, version.expires_ms));
    }
}

fn is_over(time_ms: u64, now_ms: u64) -> bool {
    time_ms != 0 && time_ms <= now_ms
}

/// A server's keys.
#[derive(Debug, Clone, Default)]
pub struct Shard {
    cells: BTreeMap<Key, Cell>,
    fences: BTreeMap<u16, u64>,
}

impl Shard {
    /// What lies under a key.
    pub fn cell(&self, key: &Key) -> Cell {
        self.cells.get(key).cloned().unwrap_or_default()
    }

    /// Takes a key away, its sidecar with it, and raises the fence of its slot (C19).
    pub fn collect(&mut self, key: &Key, epoch: u64) {
        self.cells.remove(key);
        let fence = self.fences.entry(key.slot()).or_default();
        *fence = epoch.max(*fence);
    }

    /// Takes a value away and leaves its sidecar, as an eviction or somebody else does.
    pub fn evict_value(&mut self, key: &Key) {
        if let Some(cell) = self.cells.get_mut(key) {
            cell.value = None;
        }
    }

    fn fence(&self, key: &Key) -> u64 {
        self.fences.get(&key.slot()).copied().unwrap_or_default()
    }

    /// Whether a caller has missed a change of phase: the record's epoch says so, or the fence where there is none.
    fn is_stale(&self, key: &Key, cell: &Cell, caller: &Caller, now_ms: u64) -> bool {
        caller.epoch < cell.sidecar(now_ms).map_or_else(|| self.fence(key), |sidecar| sidecar.claim_epoch)
    }
}

/// Carries out a call on a key.
pub fn carry_out(
    shard: &mut Replicated<Shard>,
    call: &Call,
    now_ms: u64,
    published: &mut Vec<(Id, Message)>,
) -> Reply {
    let mut script = Script { shard, now_ms, published };
    match call {
        Call::Claim(claim) => Reply::Claimed(script.claim(claim)),
        Call::Put(put) => Reply::Verdict(script.put(put)),
        Call::Release(release) => Reply::Verdict(script.release(release)),
        Call::Write(write) => Reply::Written(script.write(write)),
        Call::Read(read) => {
            let record = script.shard.read().cell(&read.key).record(read.run, now_ms);
            Reply::Record(record.unwrap_or_default(), now_ms)
        }
        _ => Reply::Done,
    }
}

/// A running script.
struct Script<'a> {
    shard: &'a mut Replicated<Shard>,
    now_ms: u64,
    published: &'a mut Vec<(Id, Message)>,
}

impl Script<'_> {
    fn store(&mut self, key: &Key, cell: Cell) {
        self.shard.write().cells.insert(key.clone(), cell);
    }

    fn is_late(&self, caller: &Caller) -> bool {
        self.now_ms > caller.deadline_ms
    }

    fn claim(&mut self, claim: &Claim) -> Claimed {
        let Claim { key, caller, in_place_of, by_force } = claim;
        let mut cell = self.shard.read().cell(key);
        if self.is_late(caller) {
            return Claimed::Late;
        }
        if self.shard.read().is_stale(key, &cell, caller, self.now_ms) {
            return Claimed::Stale;
        }
        let generation = cell.sidecar(self.now_ms).map_or(0, |sidecar| sidecar.generation);
        match cell.sidecar_of(caller.run, self.now_ms) {
            Some(sidecar) => {
                let owner = sidecar.owner;
                let is_free = owner.is_none() || *in_place_of == Some((owner, generation));
                let is_own = owner == caller.incarnation;
                if !is_free && (!*by_force || is_own) {
                    let wanted = Message::Wanted { key: key.clone(), to: caller.incarnation };
                    self.published.extend((!is_own).then_some((owner, wanted)));
                    return Claimed::Owned { owner, generation };
                }
            }
            None => {
                cell = Cell { value: None, sidecar: Some(Sidecar { run: caller.run, ..Sidecar::default() }) }
            }
        }
        if let Some(sidecar) = &mut cell.sidecar {
            sidecar.generation = generation + 1;
            sidecar.owner = caller.incarnation;
            sidecar.claim_epoch = sidecar.claim_epoch.max(caller.epoch);
        }
        let record = cell.record(caller.run, self.now_ms).unwrap_or_default();
        self.store(key, cell);
        Claimed::Yours(record)
    }

    /// Whether an owner may write: why not, if it may not.
    fn refusal(&self, cell: &Cell, caller: &Caller, generation: u64) -> Option<Verdict> {
        if self.is_late(caller) {
            return Some(Verdict::Late);
        }
        let sidecar = cell.sidecar_of(caller.run, self.now_ms);
        let Some(sidecar) = sidecar.filter(|s| s.generation == generation && s.owner == caller.incarnation)
        else {
            let known = cell.sidecar(self.now_ms).map_or(0, |sidecar| sidecar.generation);
            return Some(if known < generation { Verdict::Forgotten } else { Verdict::Superseded });
        };
        (caller.epoch < sidecar.claim_epoch).then_some(Verdict::Stale)
    }

    fn put(&mut self, put: &Put) -> Verdict {
        let Put { key, caller, generation, version, durable: _ } = put;
        let mut cell = self.shard.read().cell(key);
        if planted(Bug::WriteBeforeLastCheck) && cell.sidecar(self.now_ms).is_some() {
            cell.value = version.value.clone().map(|value| (value, version.expires_ms));
            self.store(key, cell.clone());
        }
        if let Some(refusal) = self.refusal(&cell, caller, *generation) {
            return refusal;
        }
        let verdict = place(&mut cell, version, self.now_ms);
        if verdict == Verdict::Applied {
            self.store(key, cell);
        }
        verdict
    }

    fn release(&mut self, release: &Release) -> Verdict {
        let Release { key, caller, generation, version, to } = release;
        let mut cell = self.shard.read().cell(key);
        if let Some(refusal) = self.refusal(&cell, caller, *generation) {
            return refusal;
        }
        let version = version.as_ref().filter(|_| !planted(Bug::ReleaseWithoutFlush));
        let verdict = version.map_or(Verdict::Applied, |version| place(&mut cell, version, self.now_ms));
        if verdict == Verdict::Conflict {
            return verdict;
        }
        if let Some(sidecar) = &mut cell.sidecar {
            sidecar.owner = Id::NONE;
        }
        self.store(key, cell);
        if !to.is_none() {
            self.published.push((*to, Message::Free { key: key.clone() }));
        }
        verdict
    }

    fn write(&mut self, write: &Write) -> Written {
        let Write { key, caller, base, base_op, version, expiring_sidecar } = write;
        let mut cell = self.shard.read().cell(key);
        if self.is_late(caller) {
            return Written::Late;
        }
        if self.shard.read().is_stale(key, &cell, caller, self.now_ms) {
            return Written::Stale;
        }
        let record = cell.record(caller.run, self.now_ms).unwrap_or_default();
        let seq = record.version.seq;
        if seq > 0 && record.version.op == version.op {
            return Written::Same(seq);
        }
        let is_another = seq > 0 && !base_op.is_none() && record.version.op != *base_op;
        if (seq != *base || is_another) && !planted(Bug::BaseIgnored) {
            return Written::Retry(record);
        }
        if cell.sidecar_of(caller.run, self.now_ms).is_none() {
            let generation = cell.sidecar(self.now_ms).map_or(0, |sidecar| sidecar.generation);
            cell.sidecar = Some(Sidecar { run: caller.run, generation, ..Sidecar::default() });
        }
        if let Some(sidecar) = &mut cell.sidecar {
            sidecar.generation += u64::from(!sidecar.owner.is_none());
            sidecar.owner = Id::NONE;
            sidecar.claim_epoch = sidecar.claim_epoch.max(caller.epoch);
        }
        cell.apply(version, seq + 1);
        if let (Some(sidecar), true) = (&mut cell.sidecar, *expiring_sidecar) {
            sidecar.gone_ms = version.expires_ms;
        }
        self.store(key, cell);
        Written::Applied(seq + 1)
    }
}

/// C4, after its checks of the caller.
fn place(cell: &mut Cell, version: &Version, now_ms: u64) -> Verdict {
    let Some(sidecar) = cell.sidecar(now_ms) else { return Verdict::Superseded };
    if sidecar.seq == 0 || version.seq > sidecar.seq {
        cell.apply(version, version.seq);
        return Verdict::Applied;
    }
    if version.seq < sidecar.seq {
        return Verdict::Older;
    }
    if sidecar.op == version.op {
        return Verdict::Same;
    }
    if planted(Bug::EqualSequenceApplied) {
        cell.apply(version, version.seq);
        return Verdict::Applied;
    }
    Verdict::Conflict
}
