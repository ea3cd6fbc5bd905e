//! Changes by a key's owner: acknowledged by memory in `dual` to `read-new`, by Redis in `strict` (C8, C15).

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
use crate::spec::Takeover;
use crate::sync::lock;
use crate::wire::call::{Call, Failure, Put, Reply, Verdict, Version};
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
        match self.change_own_memory(key, change)? {
            Changed::Lost => Ok(Attempt::Again),
            // What an owner remembers may have been taken from it without a word.
            Changed::Kept { result, .. }
                if permit.view.phase < Phase::Strict && self.spec.takeover == Takeover::LastWins =>
            {
                Ok(match self.read_newest(permit, key).await? {
                    Attempt::Done(_) => Attempt::Done(result),
                    Attempt::Again => Attempt::Again,
                })
            }
            Changed::Kept { result, .. } if permit.view.phase < Phase::ReadNew => Ok(Attempt::Done(result)),
            Changed::Kept { result, stored } => self.confirm_kept(permit, key, result, stored, change).await,
            Changed::Written { result, generation, version } => {
                let busy = Busy { held: self, key, generation, settled: false };
                Ok(match self.write_through(permit, busy, version).await? {
                    Attempt::Done(()) => Attempt::Done(result),
                    Attempt::Again => Attempt::Again,
                })
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
    ) -> Result<Changed<T>, Refused> {
        let (now_ms, op) = (self.shared.now_ms(), self.shared.port.random());
        let changed = lock(&self.memory).edit(key, |entry| {
            let Standing::Owned(generation) = entry.standing else { return Ok(Changed::Lost) };
            let (change, result) = change(entry.live(now_ms).map(|value| &**value));
            if matches!(change, Change::Keep) {
                return Ok(Changed::Kept { result, stored: entry.stored >= entry.seq });
            }
            let value = match &change {
                Change::Set(value, _) => Some(self.encode(value)?),
                Change::Keep | Change::Delete => None,
            };
            self.write_entry(entry, change, op);
            entry.busy += 1;
            let version = Version { seq: entry.seq, op, value, expires_ms: entry.expires_ms };
            Ok(Changed::Written { result, generation, version })
        });
        changed.unwrap_or(Ok(Changed::Lost))
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

    /// Tells Redis of a new version, and decides whether it is acknowledged. Where the last wins, a change that came
    /// too late for its owner is made once more, on what the new one has.
    async fn write_through(
        &self,
        permit: &Permit<P>,
        busy: Busy<'_, V, P>,
        version: Version,
    ) -> Result<Attempt<()>, Refused> {
        let is_strict = permit.view.phase.service() == Service::StrictOwner;
        if !is_strict && self.shared.is_away() {
            return permit_holds(permit).map(Attempt::Done);
        }
        let caller = self.shared.caller(permit.view);
        let (key, generation, seq) = (busy.key.clone(), busy.generation, version.seq);
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
            (Ok(Verdict::Superseded | Verdict::Stale), _) | (Ok(Verdict::Forgotten), true) => {
                self.shared.poke.notify_one();
                let had_it = self.has_stored(busy.key, busy.generation, seq);
                self.lose(busy.key, busy.generation);
                return match self.spec.takeover {
                    Takeover::LastWins if had_it => permit_holds(permit).map(Attempt::Done),
                    Takeover::LastWins => Ok(Attempt::Again),
                    Takeover::Released => Err(Refused::unknown("another instance has taken the key over")),
                };
            }
            (Ok(Verdict::Forgotten), false) => self.unclaim(busy.key, busy.generation),
            (Ok(_) | Err(_), false) => {}
            (Ok(verdict), true) => return Err(Refused::unknown(format!("Redis said {verdict:?}"))),
            // Memory has it and owes it: it may still be done, also when this call was certainly not carried out.
            (Err(failure), true) => return Err(Refused::unknown(failure)),
        }
        permit_holds(permit).map(Attempt::Done)
    }

    /// Sends a version and notes what Redis said of it.
    pub async fn put(&self, put: Put) -> Result<Verdict, Failure> {
        let retellings = self.retellings.load(Ordering::Relaxed);
        if planted(Bug::BackfillDoneAtSend) {
            self.note_stored(&put, retellings);
        }
        let call = Call::Put(put.clone());
        let reply = match put.durable {
            true => self.shared.call_again(call).await?,
            false => self.shared.call(call).await?,
        };
        let verdict = match reply {
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
            Verdict::Superseded | Verdict::Forgotten | Verdict::Stale | Verdict::Late => {}
        }
        Ok(verdict)
    }
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
