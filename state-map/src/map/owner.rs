//! Operations of a key's owner: from memory in `dual` to `read-new`, acknowledged by Redis in `strict` (C8, C9, C15).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::claim::Owning;
use super::held::{Held, count};
use super::{Attempt, Change};
use crate::error::Refused;
use crate::memory::Standing;
use crate::node::Permit;
use crate::phase::{Phase, Service};
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::lock;
use crate::wire::call::{Call, Failure, Put, Read, Record, Reply, Verdict, Version};
use crate::wire::key::Key;

/// What a change of memory came to.
enum Changed<T> {
    /// Nothing changed; what memory has is in Redis too.
    Kept { result: T, stored: bool },
    /// A new version, which Redis has to be told.
    Written { result: T, generation: u64, version: Version },
    /// The key is not owned any more.
    Lost,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Reads an owned key.
    pub async fn read_owned(
        &self,
        permit: &Permit<P>,
        key: &Key,
        deadline: Duration,
    ) -> Result<Attempt<Option<Arc<V>>>, Refused> {
        match self.own(permit, key, deadline).await? {
            Owning::Again => return Ok(Attempt::Again),
            Owning::Alone => return Ok(Attempt::Done(self.read_memory(key))),
            Owning::Owned => {}
        }
        match permit.view.phase {
            Phase::ReadNew => self.read_newest(permit, key).await,
            Phase::Strict => self.read_strict(permit, key).await,
            _ => Ok(self.read_own_memory(key)),
        }
    }

    fn read_own_memory(&self, key: &Key) -> Attempt<Option<Arc<V>>> {
        let (now, now_ms) = (self.shared.port.now(), self.shared.now_ms());
        let read = lock(&self.memory).edit(key, |entry| {
            entry.used = now;
            entry.generation().map(|_| entry.live(now_ms).cloned())
        });
        read.flatten().map_or(Attempt::Again, Attempt::Done)
    }

    /// C9: the newer of memory and Redis, by sequence. Without Redis: memory (C16).
    async fn read_newest(&self, permit: &Permit<P>, key: &Key) -> Result<Attempt<Option<Arc<V>>>, Refused> {
        if self.shared.is_away() {
            return Ok(self.read_own_memory(key));
        }
        // The answer may come late, when the key is owned under a later generation: it tells of this one only.
        let Some(generation) = self.generation(key) else { return Ok(Attempt::Again) };
        let Ok(record) = self.read_record(permit, key).await else {
            return Ok(self.read_own_memory(key));
        };
        if self.generation(key) != Some(generation) {
            return Ok(Attempt::Again);
        }
        if !is_mine(&record, permit, generation) {
            self.lose(key, generation);
            return Ok(Attempt::Again);
        }
        let in_memory = lock(&self.memory).get(key).map_or(0, |entry| entry.seq);
        let falls_back = planted(Bug::TombstoneFallsBack) && record.deleted;
        let is_newest = record.version.seq >= in_memory || planted(Bug::ReadNewIgnoresOwed);
        if is_newest && !falls_back {
            self.note_vanished(&record);
            return Ok(Attempt::Done(self.decode(&record.version)?));
        }
        Ok(self.read_own_memory(key))
    }

    /// C8: Redis only, and only if the key is still this process's.
    async fn read_strict(&self, permit: &Permit<P>, key: &Key) -> Result<Attempt<Option<Arc<V>>>, Refused> {
        let Some(generation) = self.generation(key) else { return Ok(Attempt::Again) };
        let record = self.read_record(permit, key).await.map_err(|failure| self.shared.refuse(failure))?;
        if self.generation(key) != Some(generation) {
            return Ok(Attempt::Again);
        }
        if !is_mine(&record, permit, generation) {
            self.lose(key, generation);
            return Ok(Attempt::Again);
        }
        self.note_vanished(&record);
        Ok(Attempt::Done(self.decode(&record.version)?))
    }

    /// What Redis has of a key.
    pub async fn read_record(&self, permit: &Permit<P>, key: &Key) -> Result<Record, Failure> {
        let read = Call::Read(Read { key: key.clone(), run: permit.view.run });
        match self.shared.call(read).await? {
            Reply::Record(record, _) => Ok(record),
            other => Err(Failure::Refused(format!("an answer to another question: {other:?}"))),
        }
    }

    /// Counts a value that is gone without a tombstone.
    pub fn note_vanished(&self, record: &Record) {
        if record.has_vanished(self.shared.now_ms()) {
            count(&self.tally.vanished);
        }
    }

    fn generation(&self, key: &Key) -> Option<u64> {
        lock(&self.memory).get(key).and_then(crate::memory::Entry::generation)
    }

    /// Changes an owned key: memory first, then Redis.
    pub async fn change_owned<T: Send>(
        &self,
        permit: &Permit<P>,
        key: &Key,
        deadline: Duration,
        change: &mut (impl FnMut(Option<&V>) -> (Change<V>, T) + Send + ?Sized),
    ) -> Result<Attempt<T>, Refused> {
        match self.own(permit, key, deadline).await? {
            Owning::Again => return Ok(Attempt::Again),
            Owning::Alone => return Ok(self.change_alone(key, change)),
            Owning::Owned => {}
        }
        match self.change_own_memory(key, change) {
            Changed::Lost => Ok(Attempt::Again),
            Changed::Kept { result, .. } if permit.view.phase < Phase::ReadNew => Ok(Attempt::Done(result)),
            Changed::Kept { result, stored } => self.confirm_kept(permit, key, result, stored, change).await,
            Changed::Written { result, generation, version } => {
                let busy = Busy { held: self, key, generation, settled: false };
                self.write_through(permit, busy, version).await.map(|()| Attempt::Done(result))
            }
        }
    }

    /// Changes a key that only this process has, while it cannot be claimed.
    fn change_alone<T>(
        &self,
        key: &Key,
        change: &mut (impl FnMut(Option<&V>) -> (Change<V>, T) + ?Sized),
    ) -> Attempt<T> {
        if self.is_alone_with(key) {
            let result = self.change_memory(key, change);
            self.owe(key);
            return Attempt::Done(result);
        }
        Attempt::Again
    }

    fn change_own_memory<T>(
        &self,
        key: &Key,
        change: &mut (impl FnMut(Option<&V>) -> (Change<V>, T) + ?Sized),
    ) -> Changed<T> {
        let (now_ms, op) = (self.shared.now_ms(), self.shared.port.random());
        let changed = lock(&self.memory).edit(key, |entry| {
            let Standing::Owned(generation) = entry.standing else { return Changed::Lost };
            let (change, result) = change(entry.live(now_ms).map(|value| &**value));
            if matches!(change, Change::Keep) {
                return Changed::Kept { result, stored: entry.stored >= entry.seq };
            }
            self.write_entry(entry, change, op);
            entry.busy += 1;
            Changed::Written { result, generation, version: self.version(entry) }
        });
        changed.unwrap_or(Changed::Lost)
    }

    /// An operation that changed nothing still saw something. From `read-new` on another process may see Redis, so
    /// what was seen must be there, and the key still this process's.
    async fn confirm_kept<T>(
        &self,
        permit: &Permit<P>,
        key: &Key,
        result: T,
        stored: bool,
        change: &mut (impl FnMut(Option<&V>) -> (Change<V>, T) + ?Sized),
    ) -> Result<Attempt<T>, Refused> {
        if permit.view.phase == Phase::ReadNew {
            return Ok(Attempt::Done(result));
        }
        if !stored {
            self.owe(key);
            return Ok(Attempt::Again);
        }
        match self.read_strict(permit, key).await? {
            Attempt::Again => Ok(Attempt::Again),
            Attempt::Done(value) => match change(value.as_deref()) {
                (Change::Keep, result) => Ok(Attempt::Done(result)),
                _ => Ok(Attempt::Again),
            },
        }
    }

    /// Tells Redis of a new version, and decides whether it is acknowledged.
    async fn write_through(
        &self,
        permit: &Permit<P>,
        busy: Busy<'_, V, P>,
        version: Version,
    ) -> Result<(), Refused> {
        let is_strict = permit.view.phase.service() == Service::StrictOwner;
        if !is_strict && self.shared.is_away() {
            return permit_holds(permit);
        }
        let caller = self.shared.caller(permit.view);
        let (key, generation) = (busy.key.clone(), busy.generation);
        let outcome = self.put(Put { key, caller, generation, version, durable: is_strict }).await;
        match (outcome, is_strict) {
            (Ok(Verdict::Applied | Verdict::Same), _) => {
                busy.settle();
            }
            (Ok(Verdict::Older), _) if !planted(Bug::OlderIsFailure) => {
                busy.settle();
            }
            (Ok(Verdict::Superseded | Verdict::Stale), _) if planted(Bug::SupersededIsSuccess) => {
                busy.settle();
            }
            (Ok(Verdict::Superseded | Verdict::Stale), _) => {
                self.shared.poke.notify_one();
                self.lose(busy.key, busy.generation);
                return Err(Refused::unknown("another instance has taken the key over"));
            }
            (Ok(_) | Err(_), false) => {}
            (Ok(verdict), true) => return Err(Refused::unknown(format!("Redis said {verdict:?}"))),
            // Memory has it and owes it: it may still be done, also when this call was certainly not carried out.
            (Err(failure), true) => return Err(Refused::unknown(failure)),
        }
        permit_holds(permit)
    }

    /// Sends a version and notes what Redis said of it.
    pub async fn put(&self, put: Put) -> Result<Verdict, Failure> {
        let retellings = self.retellings.load(Ordering::Relaxed);
        if planted(Bug::BackfillDoneAtSend) {
            self.note_stored(&put, retellings);
        }
        let verdict = match self.shared.call(Call::Put(put.clone())).await? {
            Reply::Verdict(verdict) => verdict,
            other => return Err(Failure::Refused(format!("an answer to another question: {other:?}"))),
        };
        match verdict {
            Verdict::Applied | Verdict::Same | Verdict::Older => {
                self.note_stored(&put, retellings);
                count(&self.tally.writes);
                let bytes = put.version.value.as_ref().map_or(0, |value| value.len() as u64);
                self.tally.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Verdict::Conflict => {
                let Put { key, version, .. } = &put;
                tracing::error!(%key, seq = version.seq, "two operations bear the same sequence: report this");
            }
            Verdict::Superseded | Verdict::Stale | Verdict::Late => {}
        }
        Ok(verdict)
    }
}

/// Whether the record names this process and generation as its owner.
fn is_mine<P: Port>(record: &Record, permit: &Permit<P>, generation: u64) -> bool {
    record.owner == permit.view.incarnation && record.generation == generation
}

/// A process that was evicted meanwhile acknowledges nothing (C17).
pub fn permit_holds<P: Port>(permit: &Permit<P>) -> Result<(), Refused> {
    if permit.is_current() { Ok(()) } else { Err(Refused::unknown("this instance was evicted meanwhile")) }
}

/// An operation that has changed memory. Unless Redis is known to have the change, it is owed when this is dropped:
/// also when the operation's future is dropped half-way.
struct Busy<'a, V: Clone + PartialEq + Send + Sync + 'static, P: Port> {
    held: &'a Held<V, P>,
    key: &'a Key,
    generation: u64,
    settled: bool,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Busy<'_, V, P> {
    fn settle(mut self) {
        self.settled = true;
    }
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Drop for Busy<'_, V, P> {
    fn drop(&mut self) {
        let mut memory = lock(&self.held.memory);
        let is_mine = memory.get(self.key).is_some_and(|entry| entry.generation() == Some(self.generation));
        if is_mine {
            memory.edit(self.key, |entry| entry.busy = entry.busy.saturating_sub(1));
            if !self.settled {
                memory.owe(self.key);
            }
        }
        drop(memory);
        if !self.settled {
            self.held.debts.notify_one();
        }
        self.held.changed.notify_waiters();
    }
}
