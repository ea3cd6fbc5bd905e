//! Reads of keys that have owners: from the owner's memory, the newer of memory and Redis in `read-new`, Redis in
//! `strict` (C8, C9, C16).

use std::sync::Arc;
use std::time::Duration;

use super::Attempt;
use super::claim::Owning;
use super::held::{Held, count};
use crate::error::Refused;
use crate::node::Permit;
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::spec::Takeover;
use crate::sync::lock;
use crate::wire::call::{Call, Failure, Read, Record, Reply};
use crate::wire::key::Key;

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Reads an owned key.
    pub async fn read_owned(
        &self,
        permit: &Permit<P>,
        key: &Key,
        deadline: Duration,
    ) -> Result<Attempt<Option<Arc<V>>>, Refused> {
        let may_be_taken = self.spec.takeover == Takeover::LastWins;
        if may_be_taken && !self.owns(key) {
            return self.read_of_others(permit, key).await;
        }
        match self.own(permit, key, deadline).await? {
            Owning::Again => return Ok(Attempt::Again),
            Owning::Alone => return Ok(Attempt::Done(self.read_memory(key))),
            Owning::Owned => {}
        }
        match permit.view.phase {
            Phase::Strict => self.read_strict(permit, key).await,
            Phase::ReadNew => self.read_newest(permit, key).await,
            // An owner that slept may have lost the key without being told.
            _ if may_be_taken => self.read_newest(permit, key).await,
            _ => Ok(self.read_own_memory(key)),
        }
    }

    /// Reads a key of a map in which the last wins as Redis has it: a look takes it from nobody. What its owner
    /// owes is not seen yet.
    async fn read_of_others(
        &self,
        permit: &Permit<P>,
        key: &Key,
    ) -> Result<Attempt<Option<Arc<V>>>, Refused> {
        if self.is_alone_with(key) {
            return Ok(Attempt::Done(self.read_memory(key)));
        }
        let record = self.read_record(permit, key).await.map_err(|failure| self.shared.refuse(failure))?;
        self.note_vanished(&record);
        Ok(Attempt::Done(self.decode(&record.version)?))
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
    pub async fn read_newest(
        &self,
        permit: &Permit<P>,
        key: &Key,
    ) -> Result<Attempt<Option<Arc<V>>>, Refused> {
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
        if record.generation < generation {
            self.unclaim(key, generation);
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
    pub async fn read_strict(
        &self,
        permit: &Permit<P>,
        key: &Key,
    ) -> Result<Attempt<Option<Arc<V>>>, Refused> {
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
        match self.shared.call_again(read).await? {
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
}

/// Whether the record names this process and generation as its owner.
fn is_mine<P: Port>(record: &Record, permit: &Permit<P>, generation: u64) -> bool {
    record.owner == permit.view.incarnation && record.generation == generation
}
