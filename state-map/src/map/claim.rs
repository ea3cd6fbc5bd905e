//! Becoming the owner of a key before its first read or write (C3, C10).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;

use super::PAUSE;
use super::held::Held;
use crate::control::Id;
use crate::error::Refused;
use crate::memory::{Entry, Standing as At};
use crate::node::{Permit, View};
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::spec::Takeover;
use crate::sync::{before, lock, until};
use crate::wire::call::{Call, Claim, Claimed, Failure, Inquire, Record, Reply, Standing};
use crate::wire::key::Key;

/// Refusals by a living owner after which it is asked whether it lives.
const PATIENCE: u32 = 8;

/// Longest pause between two claims of a key that its owner has not given back.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// A value and when it expires.
type Timed<V> = (Arc<V>, u64);

/// Whether a process may serve a key.
pub enum Owning {
    /// It owns it.
    Owned,
    /// It cannot claim it while Redis is away, but nobody else knows the key, or everybody is as in `off` still.
    Alone,
    /// Nothing was done: once more.
    Again,
}

/// How a claim went.
pub enum Claiming {
    /// The process owns the key.
    Owned,
    /// Not now: the phase may have changed, or the owner is still there.
    Again,
    /// Redis did not answer.
    Away(String),
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Makes sure that the process owns a key.
    pub async fn own(&self, permit: &Permit<P>, key: &Key, deadline: Duration) -> Result<Owning, Refused> {
        if self.owns(key) {
            return Ok(Owning::Owned);
        }
        if !self.begin_claim(key) {
            // Somebody else claims it, or it is being given back.
            let settled =
                until(&self.changed, || (self.owns(key) || self.is_unsettled(key).is_none()).then_some(()));
            let awaited = async {
                while !permit.is_awaited() {
                    self.shared.port.sleep(PAUSE * 4).await;
                }
            };
            let (settled, awaited) = (std::pin::pin!(settled), std::pin::pin!(awaited));
            before(&*self.shared.port, deadline, select(settled, awaited)).await;
            return Ok(if self.owns(key) { Owning::Owned } else { Owning::Again });
        }
        let _claiming = Claims { held: self, key };
        match self.claim(permit.view, key, deadline, || permit.is_awaited()).await? {
            Claiming::Owned => Ok(Owning::Owned),
            Claiming::Again => Ok(Owning::Again),
            Claiming::Away(_) if permit.view.phase <= Phase::Shadow && self.is_alone_with(key) => {
                Ok(Owning::Alone)
            }
            Claiming::Away(cause) => Err(self.shared.refuse(cause)),
        }
    }

    /// Whether memory has a value that was never claimed.
    pub fn is_alone_with(&self, key: &Key) -> bool {
        lock(&self.memory)
            .get(key)
            .is_some_and(|entry| entry.standing == At::Unclaimed && entry.value.is_some())
    }

    /// A claim is under way, or the key is being given back.
    fn is_unsettled(&self, key: &Key) -> Option<()> {
        let memory = lock(&self.memory);
        let entry = memory.get(key)?;
        (entry.claiming || matches!(entry.standing, At::Leaving(_))).then_some(())
    }

    /// Whether this caller is the one to claim.
    pub fn begin_claim(&self, key: &Key) -> bool {
        let now = self.shared.port.now();
        lock(&self.memory).enter(key, now, |entry| {
            let is_free = !entry.claiming && !matches!(entry.standing, At::Leaving(_) | At::Owned(_));
            entry.claiming |= is_free;
            is_free
        })
    }

    /// Claims a key until it is owned, `stop` says so, or the time is over.
    pub async fn claim(
        &self,
        view: View,
        key: &Key,
        deadline: Duration,
        stop: impl Fn() -> bool,
    ) -> Result<Claiming, Refused> {
        let (mut in_place_of, mut refusals, mut pause) = (None, 0_u32, PAUSE);
        let may_force = self.spec.takeover == Takeover::LastWins;
        loop {
            if stop() || self.shared.port.now() >= deadline {
                return Ok(Claiming::Again);
            }
            // An owner that answers gives back what it owes too.
            let by_force = may_force && refusals >= PATIENCE;
            let caller = self.shared.caller(view);
            let claim = Call::Claim(Claim { key: key.clone(), caller, in_place_of, by_force });
            let (owner, generation) = match self.shared.call_again(claim).await {
                Ok(Reply::Claimed(Claimed::Yours(record))) => {
                    return self.install(view, key, &record).await;
                }
                Ok(Reply::Claimed(Claimed::Owned { owner, generation })) => (owner, generation),
                Ok(_) => {
                    self.shared.poke.notify_one();
                    return Ok(Claiming::Again);
                }
                Err(Failure::Unknown(cause)) => {
                    lock(&self.doubts).insert(key.clone());
                    return Ok(Claiming::Away(cause));
                }
                Err(Failure::Refused(cause)) => return Ok(Claiming::Away(cause)),
            };
            refusals += 1;
            // Its own, from a claim whose reply was lost or before a rollback: nothing of it is in memory.
            let is_own = owner == view.incarnation;
            if is_own || refusals.is_multiple_of(PATIENCE) || in_place_of.is_some() {
                let is_gone = is_own || self.is_gone(view, owner).await;
                in_place_of = is_gone.then_some((owner, generation));
                if is_gone {
                    continue;
                }
            }
            let freed = self.changed.notified();
            before(&*self.shared.port, self.shared.port.now() + pause, freed).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether an owner is proven gone; from `strict` on a lapsed lease is enough (C10).
    async fn is_gone(&self, view: View, owner: Id) -> bool {
        match self.shared.call(Call::Inquire(Inquire { incarnation: owner })).await {
            Ok(Reply::Standing(Standing::Gone)) => true,
            Ok(Reply::Standing(Standing::Lapsed)) => {
                view.phase >= Phase::Strict || planted(Bug::ClaimByLeaseInShadow)
            }
            _ => false,
        }
    }

    /// Takes over what the claim found, together with what memory has held since `off`.
    async fn install(&self, view: View, key: &Key, record: &Record) -> Result<Claiming, Refused> {
        let theirs = self.decode(&record.version)?;
        let aside = {
            let (now, now_ms) = (self.shared.port.now(), self.shared.now_ms());
            let mut memory = lock(&self.memory);
            if self.shared.view() != view {
                // The phase has changed under the claim: what it was for does not hold any more.
                return Ok(Claiming::Again);
            }
            let ours = memory.get(key).filter(|entry| entry.standing == At::Unclaimed);
            let ours = ours.and_then(|entry| Some((Arc::clone(entry.live(now_ms)?), entry.expires_ms)));
            let (kept, aside) = self.reconcile(ours, theirs, record);
            if let Some((value, _)) = &kept {
                self.encode(value)?;
            }
            let is_dirty = memory.enter(key, now, |entry| {
                self.adopt(entry, record, kept);
                entry.used = now;
                entry.is_dirty()
            });
            // In `dual` what was held before waits for the backfill.
            if is_dirty && (view.phase > Phase::Dual || record.is_written()) {
                memory.owe(key);
            }
            aside
        };
        lock(&self.doubts).swap_remove(key);
        if let Some(ours) = aside {
            self.set_aside(view, key, ours, Some(record)).await;
        }
        self.debts.notify_one();
        self.changed.notify_waiters();
        Ok(Claiming::Owned)
    }

    /// Decides between what memory has held since `off` and the record (C6): what goes on as a new version, if not
    /// the record itself, and what is set aside for the operator.
    fn reconcile(
        &self,
        ours: Option<Timed<V>>,
        theirs: Option<Arc<V>>,
        record: &Record,
    ) -> (Option<Timed<V>>, Option<Arc<V>>) {
        let Some((ours, expires_ms)) = ours else { return (None, None) };
        if !record.is_written() {
            return (Some((ours, expires_ms)), None);
        }
        match theirs {
            Some(theirs) if theirs == ours => (None, None),
            Some(theirs) => match self.spec.merge.as_ref().and_then(|merge| merge(&ours, &theirs)) {
                Some(merged) if merged == *theirs => (None, None),
                Some(merged) => (Some((Arc::new(merged), expires_ms)), None),
                None => (None, Some(ours)),
            },
            None => (None, Some(ours)),
        }
    }

    fn adopt(&self, entry: &mut Entry<V>, record: &Record, kept: Option<Timed<V>>) {
        entry.standing = At::Owned(record.generation);
        entry.written_here = kept.is_some();
        (entry.stored, entry.claiming) = (record.version.seq, false);
        match kept {
            Some((value, expires_ms)) => {
                (entry.value, entry.expires_ms) = (Some(value), expires_ms);
                (entry.seq, entry.op) = (record.version.seq + 1, self.shared.port.random());
            }
            None => {
                entry.value = self.decode(&record.version).unwrap_or_default();
                entry.expires_ms = record.version.expires_ms;
                (entry.seq, entry.op) = (record.version.seq, record.version.op);
            }
        }
    }
}

/// A claim under way. It ends with its future, however that ends.
pub struct Claims<'a, V: Clone + PartialEq + Send + Sync + 'static, P: Port> {
    pub held: &'a Held<V, P>,
    pub key: &'a Key,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Drop for Claims<'_, V, P> {
    fn drop(&mut self) {
        let mut memory = lock(&self.held.memory);
        memory.edit(self.key, |entry| entry.claiming = false);
        let is_vacant =
            |entry: &Entry<V>| entry.standing == At::Unclaimed && entry.value.is_none() && entry.busy == 0;
        if memory.get(self.key).is_some_and(is_vacant) {
            memory.remove(self.key);
        }
        drop(memory);
        self.held.changed.notify_waiters();
    }
}
