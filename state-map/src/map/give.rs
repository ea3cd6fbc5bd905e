//! Giving a key back: the newest version goes with it, in one step (C10).

use futures_util::stream::{StreamExt, iter};

use super::PAUSE;
use super::claim::{Claiming, Claims};
use super::held::Held;
use crate::control::Id;
use crate::memory::Standing;
use crate::phase::Service;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::{lock, until};
use crate::wire::call::{Call, Read, Release, Reply, Verdict};
use crate::wire::key::Key;

/// Pause after Redis did not carry a release out.
const RETRY: u32 = 20;

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Gives a key to whoever wants it, when the operations on it have ended. Whether it is given.
    pub async fn give(&self, key: &Key, to: Id) -> bool {
        let Some(generation) = self.begin_leaving(key, to).await else { return false };
        until(&self.changed, || self.is_idle(key, generation).then_some(())).await;
        loop {
            let Some(release) = self.release(key, generation, to) else { return true };
            match self.shared.call(Call::Release(release)).await {
                Ok(Reply::Verdict(
                    Verdict::Applied | Verdict::Same | Verdict::Older | Verdict::Superseded,
                )) => {
                    self.let_go(key, generation);
                    return true;
                }
                Ok(Reply::Verdict(Verdict::Forgotten)) => {
                    self.unclaim(key, generation);
                    return false;
                }
                Ok(Reply::Verdict(Verdict::Conflict)) => {
                    tracing::error!(%key, "two operations bear the same sequence: the key is kept");
                    self.stay(key, generation);
                    return false;
                }
                // Whether it was carried out is not known: until it is, nobody may be served from here.
                Ok(_) => self.shared.poke.notify_one(),
                Err(_) => {}
            }
            self.shared.port.sleep(PAUSE * RETRY).await;
        }
    }

    /// Lets no more operations begin on a key. Its generation, if it is to be given.
    async fn begin_leaving(&self, key: &Key, to: Id) -> Option<u64> {
        if let Some(generation) = self.mark_leaving(key) {
            return Some(generation);
        }
        let is_known =
            lock(&self.memory).get(key).is_some_and(|entry| entry.claiming || entry.generation().is_some());
        if is_known || to.is_none() {
            return None;
        }
        // The reply to a claim of this process was lost, perhaps: then it owns the key without knowing.
        self.find_out(key).await?;
        self.mark_leaving(key)
    }

    fn mark_leaving(&self, key: &Key) -> Option<u64> {
        let marked = lock(&self.memory).edit(key, |entry| match entry.standing {
            Standing::Owned(generation) => {
                entry.standing = Standing::Leaving(generation);
                Some(generation)
            }
            _ => None,
        });
        marked.flatten()
    }

    /// Gives back what this process owns without knowing, so that nobody has to ask for it.
    pub async fn settle_doubts(&self) {
        if self.shared.is_away() {
            return;
        }
        let doubts = std::mem::take(&mut *lock(&self.doubts));
        for key in doubts {
            if self.find_out(&key).await.is_some() {
                self.give(&key, Id::NONE).await;
            }
        }
    }

    async fn find_out(&self, key: &Key) -> Option<()> {
        let view = self.shared.view();
        if !matches!(view.phase.service(), Service::Owner | Service::StrictOwner) {
            return None;
        }
        let read = Call::Read(Read { key: key.clone(), run: view.run });
        let Ok(Reply::Record(record, _)) = self.shared.call(read).await else { return None };
        if record.owner != view.incarnation || !self.begin_claim(key) {
            return None;
        }
        let _claiming = Claims { held: self, key };
        let claimed = self.claim(view, key, self.deadline(), || false).await;
        matches!(claimed, Ok(Claiming::Owned)).then_some(())
    }

    /// Whether no operation waits for Redis on a key, or it is not this process's any more.
    fn is_idle(&self, key: &Key, generation: u64) -> bool {
        let memory = lock(&self.memory);
        memory.get(key).is_none_or(|entry| entry.busy == 0 || entry.generation() != Some(generation))
    }

    /// The call, unless the key is not this process's any more.
    fn release(&self, key: &Key, generation: u64, to: Id) -> Option<Release> {
        let memory = lock(&self.memory);
        let entry = memory.get(key).filter(|entry| entry.generation() == Some(generation))?;
        let is_written = entry.seq > 0 && !planted(Bug::ReleaseWithoutFlush);
        let version = is_written.then(|| self.version(entry));
        drop(memory);
        Some(Release {
            key: key.clone(),
            caller: self.shared.caller(self.shared.view()),
            generation,
            version,
            to,
        })
    }

    fn let_go(&self, key: &Key, generation: u64) {
        let mut memory = lock(&self.memory);
        if memory.get(key).is_some_and(|entry| entry.generation() == Some(generation)) {
            memory.remove(key);
        }
        drop(memory);
        self.changed.notify_waiters();
    }

    fn stay(&self, key: &Key, generation: u64) {
        lock(&self.memory).edit(key, |entry| {
            if entry.standing == Standing::Leaving(generation) {
                entry.standing = Standing::Owned(generation);
            }
        });
        self.changed.notify_waiters();
    }

    /// Gives these keys to nobody in particular. Whether all are given.
    pub async fn give_back(&self, keys: Vec<Key>) -> bool {
        let giving = iter(keys).map(|key| async move { self.give(&key, Id::NONE).await });
        // Each to its end: a release that is dropped half-way leaves its key to nobody.
        let giving = giving.buffer_unordered(self.shared.settings.at_once);
        giving.fold(true, |all, given| std::future::ready(all && given)).await
    }
}
