//! Telling Redis what it lacks: second writes that failed, the backfill, everything after a fail-over (C4, C14, C20).
//! Each repair reads memory anew and sends the state, so that it may come late, twice or not at all.

use futures_util::stream::{StreamExt, iter};

use super::claim::{Claiming, Claims};
use super::held::Held;
use crate::memory::Standing;
use crate::node::View;
use crate::phase::Service;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::lock;
use crate::wire::call::{Put, Verdict};
use crate::wire::key::Key;

/// What is to be done for an owed key.
enum Debt {
    /// It was kept while it could not be claimed.
    Claim,
    /// Redis lacks its newest version.
    Put(Put),
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Pays a batch of what is owed. Whether all of it succeeded.
    pub async fn repair_some(&self) -> bool {
        let at_once = self.shared.settings.at_once;
        let keys = lock(&self.memory).take_owed(at_once);
        let mut debts = Debts { held: self, keys };
        let paying = iter(debts.keys.clone()).map(|key| async move { (self.repair_key(&key).await, key) });
        let mut paying = std::pin::pin!(paying.buffer_unordered(at_once));
        let mut all = true;
        while let Some((paid, key)) = paying.next().await {
            debts.keys.retain(|other| *other != key);
            if !paid {
                all = false;
                self.owe(&key);
            }
        }
        all
    }

    /// Whether nothing is owed for this key any more.
    async fn repair_key(&self, key: &Key) -> bool {
        let view = self.shared.view();
        match self.debt(view, key) {
            None => true,
            Some(Debt::Claim) => self.claim_one(view, key).await,
            Some(Debt::Put(put)) => {
                let generation = put.generation;
                match self.put(put).await {
                    Ok(Verdict::Applied | Verdict::Same | Verdict::Older) => !self.is_dirty(key),
                    Ok(Verdict::Superseded | Verdict::Stale) => {
                        self.shared.poke.notify_one();
                        self.lose(key, generation);
                        true
                    }
                    Ok(Verdict::Forgotten) if view.phase.service() == Service::Owner => {
                        self.unclaim(key, generation);
                        false
                    }
                    Ok(Verdict::Forgotten) => {
                        self.lose(key, generation);
                        true
                    }
                    Ok(Verdict::Conflict) => true,
                    Ok(Verdict::Late) | Err(_) => false,
                }
            }
        }
    }

    fn debt(&self, view: View, key: &Key) -> Option<Debt> {
        let service = view.phase.service();
        if !matches!(service, Service::Owner | Service::StrictOwner) {
            return None;
        }
        // The life of the call counts from here, where memory is read (C19).
        let caller = self.shared.caller(view);
        let memory = lock(&self.memory);
        let entry = memory.get(key)?;
        if entry.standing == Standing::Unclaimed && entry.value.is_some() && !entry.claiming {
            return Some(Debt::Claim);
        }
        // An operation under way tells Redis by itself, or owes the key again when it ends.
        let generation = entry.generation().filter(|_| entry.is_dirty() && entry.busy == 0)?;
        let mut version = self.version(entry);
        if planted(Bug::RelativeTtl) && version.expires_ms != 0 {
            version.expires_ms += self.shared.settings.lease.as_millis() as u64;
        }
        let durable = service == Service::StrictOwner;
        Some(Debt::Put(Put { key: key.clone(), caller, generation, version, durable }))
    }

    /// Claims a key that is held without a claim. Whether that is done.
    pub async fn claim_one(&self, view: View, key: &Key) -> bool {
        if !self.begin_claim(key) {
            return false;
        }
        let _claiming = Claims { held: self, key };
        match self.claim(view, key, self.deadline(), || false).await {
            Ok(Claiming::Owned) => true,
            Ok(Claiming::Again | Claiming::Away(_)) => false,
            Err(refused) => {
                tracing::error!(%key, %refused, "a key cannot be claimed");
                false
            }
        }
    }

    fn is_dirty(&self, key: &Key) -> bool {
        lock(&self.memory).get(key).is_some_and(crate::memory::Entry::is_dirty)
    }
}

/// A batch. What of it is not paid when it is dropped is owed again.
struct Debts<'a, V: Clone + PartialEq + Send + Sync + 'static, P: Port> {
    held: &'a Held<V, P>,
    keys: Vec<Key>,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Drop for Debts<'_, V, P> {
    fn drop(&mut self) {
        let mut memory = lock(&self.held.memory);
        self.keys.iter().for_each(|key| memory.owe(key));
    }
}
