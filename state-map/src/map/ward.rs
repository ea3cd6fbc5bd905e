//! The map as its process sees it.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{StreamExt, iter};

use super::PAUSE;
use super::held::Held;
use crate::control::{Counts, Id};
use crate::memory::{Entry, Memory, Standing};
use crate::node::{View, Ward};
use crate::phase::{Phase, Service};
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::{lock, until};
use crate::wire::key::Key;

/// Keys that a round of tidying looks at.
const TIDIED: usize = 4_096;

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Ward for Held<V, P> {
    fn name(&self) -> &'static str {
        self.spec.name
    }

    fn counts(&self) -> Counts {
        let counts = lock(&self.memory).count();
        let compared = lock(&self.compared);
        Counts {
            conflicts: lock(&self.asides).len() as u64,
            compared: compared.compared,
            differences: compared.differences,
            superseded: self.tally.superseded.load(Ordering::Relaxed),
            bytes: self.tally.bytes.load(Ordering::Relaxed),
            writes: self.tally.writes.load(Ordering::Relaxed),
            vanished: self.tally.vanished.load(Ordering::Relaxed),
            ..counts
        }
    }

    fn clean_rounds(&self) -> u64 {
        self.rounds()
    }

    fn has(&self, key: &Key) -> bool {
        key.value().starts_with(self.spec.prefix)
    }

    fn turn(&self, from: View, to: View) {
        let mut memory = lock(&self.memory);
        if to.phase == Phase::Off || from.run != to.run {
            disown(&mut memory);
        } else if to.drops_memory(from) {
            if !planted(Bug::OwnershipKept) {
                *memory = Memory::default();
            }
        } else if to.phase == Phase::PrimaryNew {
            memory.retain(|_, entry| to_copy(entry));
        } else if to.phase > Phase::PrimaryNew {
            *memory = Memory::default();
        }
        if to.phase == Phase::Backfill {
            memory.owe_dirty();
        }
        drop(memory);
        if to.phase == Phase::Off {
            self.take_back_asides();
        }
        self.begin_rounds(to.phase);
        self.changed.notify_waiters();
        self.debts.notify_one();
    }

    fn forfeit(&self) {
        *lock(&self.memory) = Memory::default();
        lock(&self.asides).clear();
        lock(&self.doubts).clear();
        self.changed.notify_waiters();
    }

    fn retell(&self) {
        let service = self.shared.view().phase.service();
        if !matches!(service, Service::Owner | Service::StrictOwner) {
            return;
        }
        let mut memory = lock(&self.memory);
        self.retellings.fetch_add(1, Ordering::Relaxed);
        memory.retain(|_, entry| {
            entry.stored = 0;
            true
        });
        memory.owe_dirty();
        drop(memory);
        self.debts.notify_one();
    }

    fn shift(&self, by_ms: i64) {
        lock(&self.memory).retain(|_, entry| {
            if entry.expires_ms != 0 {
                entry.expires_ms = entry.expires_ms.saturating_add_signed(by_ms).max(1);
            }
            true
        });
    }

    fn claim_held(&self) -> BoxFuture<'_, bool> {
        let view = self.shared.view();
        let target = || self.shared.state(|state| state.target.as_ref().map(|target| target.stamp));
        let begun_for = target();
        let claiming = iter(lock(&self.memory).unclaimed()).map(move |key| async move {
            if target() == begun_for {
                self.claim_one(view, &key).await;
            }
        });
        async move {
            claiming
                .buffer_unordered(self.shared.settings.at_once)
                .for_each(|()| std::future::ready(()))
                .await;
            lock(&self.memory).count().unclaimed == 0
        }
        .boxed()
    }

    fn repair(&self) -> BoxFuture<'_, bool> {
        self.repair_some().boxed()
    }

    fn indebted(&self) -> BoxFuture<'_, ()> {
        until(&self.debts, || (!lock(&self.memory).owes_nothing()).then_some(())).boxed()
    }

    fn is_flushed(&self) -> bool {
        lock(&self.memory).is_stored()
    }

    fn owe_dirty(&self) {
        let mut memory = lock(&self.memory);
        memory.owe_dirty();
        for key in memory.unclaimed() {
            memory.owe(&key);
        }
        drop(memory);
        self.debts.notify_one();
    }

    fn give(&self, key: Key, to: Id) -> BoxFuture<'_, ()> {
        async move {
            Held::give(self, &key, to).await;
        }
        .boxed()
    }

    fn is_giving(&self) -> bool {
        lock(&self.memory).iter().any(|(_, entry)| matches!(entry.standing, Standing::Leaving(_)))
    }

    fn freed(&self, _: &Key) {
        self.changed.notify_waiters();
    }

    fn compare(&self) -> BoxFuture<'_, ()> {
        self.compare_some().boxed()
    }

    fn tidy(&self) -> BoxFuture<'_, ()> {
        async move {
            let unused = self.sweep();
            self.give_back(unused).await;
            self.settle_doubts().await;
        }
        .boxed()
    }

    fn settle_conflicts(&self) -> BoxFuture<'_, ()> {
        self.settle_asides().boxed()
    }

    fn give_all(&self) -> BoxFuture<'_, bool> {
        async move {
            // What was kept while Redis was away is nowhere else yet.
            let is_owner = self.shared.view().phase.service() == Service::Owner;
            while is_owner && !self.claim_held().await {
                self.shared.port.sleep(PAUSE).await;
            }
            let owned = {
                let memory = lock(&self.memory);
                let owned = memory.iter().filter(|(_, entry)| entry.generation().is_some());
                owned.map(|(key, _)| key.clone()).collect()
            };
            self.give_back(owned).await
        }
        .boxed()
    }
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Forgets what has expired, in a window that moves on. Gives owned keys without a value that nobody uses.
    fn sweep(&self) -> Vec<Key> {
        let (now, now_ms) = (self.shared.port.now(), self.shared.now_ms());
        let is_old = |entry: &Entry<V>| now.saturating_sub(entry.used) >= self.shared.settings.idle;
        let place = self.tidied.load(Ordering::Relaxed);
        let mut memory = lock(&self.memory);
        let (expired, next) = memory.window(place, TIDIED, |entry| {
            entry.value.is_some() && entry.live(now_ms).is_none() && entry.busy == 0 && !entry.is_dirty()
        });
        let (unused, _) = memory.window(place, TIDIED, |entry| {
            entry.value.is_none() && entry.busy == 0 && !entry.is_dirty() && is_old(entry)
        });
        let (copies, _) =
            memory.window(place, TIDIED, |entry| entry.standing == Standing::Copy && is_old(entry));
        self.tidied.store(next, Ordering::Relaxed);
        for key in copies {
            memory.remove(&key);
        }
        for key in expired {
            let is_owned = memory.edit(&key, |entry| {
                entry.value = None;
                entry.generation().is_some() || entry.claiming
            });
            if is_owned == Some(false) {
                memory.remove(&key);
            }
        }
        unused
    }
}

/// Nothing is owned any more; what has a value stays.
fn disown<V>(memory: &mut Memory<V>) {
    memory.take_owed(usize::MAX);
    memory.retain(|_, entry| {
        (entry.standing, entry.seq, entry.stored) = (Standing::Unclaimed, 0, 0);
        (entry.op, entry.busy) = (Id::NONE, 0);
        entry.value.is_some()
    });
}

/// Makes a copy of an owned key, if it has a value.
fn to_copy<V>(entry: &mut Entry<V>) -> bool {
    entry.standing = Standing::Copy;
    entry.value.is_some()
}
