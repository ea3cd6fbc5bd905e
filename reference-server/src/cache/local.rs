//! The first level: copies in this process.
//!
//! The epoch of an entity is part of the key of its copies, and an invalidation begins a new epoch. So all
//! variations are out of reach at once, and a load that began before the invalidation keeps its result under an
//! epoch that nobody asks for any more. Entities share epochs by hash: an invalidation may cost others a miss.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::future::Cache;
use moka::{Entry, Expiry};

use super::Entity;
use crate::config::CacheSettings;

/// Epochs are shared by the entities whose hashes agree in sixteen bits.
const EPOCHS: usize = 1 << 16;

/// A copy of at most this size counts as one entry, a larger one as several: the memory is bounded too.
const ENTRY_BYTES: usize = 4_096;

/// A body, and how long it may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// JSON.
    pub body: Bytes,
    /// From now on.
    pub lifetime: Duration,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    entity: Entity,
    epoch: u64,
    variation: Box<str>,
}

/// Copies by entity, epoch and variation.
pub struct Local {
    copies: Cache<Key, Copy>,
    longest_life: Duration,
    epochs: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Local {
    /// Without a copy.
    pub fn new(settings: &CacheSettings) -> Self {
        let copies = Cache::builder()
            .max_capacity(settings.l1_entries)
            .weigher(|_, copy: &Copy| u32::try_from(copy.body.len() / ENTRY_BYTES + 1).unwrap_or(u32::MAX))
            .expire_after(ByCopy)
            .build();
        let longest_life = if settings.l1_entries == 0 { Duration::ZERO } else { settings.l1_ttl };
        let epochs = (0..EPOCHS).map(|_| AtomicU64::new(0)).collect();
        Self { copies, longest_life, epochs, hasher: RandomState::new() }
    }

    /// The copy that is here, or the loaded one, which is then kept. Callers that come while one loads wait for
    /// its result; an error is theirs too, but is not kept.
    pub async fn get_or_load<E: Send + Sync + 'static>(
        &self,
        entity: &Entity,
        variation: &str,
        load: impl Future<Output = Result<Copy, E>>,
    ) -> Result<Bytes, Arc<E>> {
        let epoch = self.epoch(entity).load(Ordering::Acquire);
        let key = Key { entity: entity.clone(), epoch, variation: variation.into() };
        let load = async {
            let Copy { body, lifetime } = load.await?;
            Ok(Copy { body, lifetime: lifetime.min(self.longest_life) })
        };
        let entry = self.copies.entry(key).or_try_insert_with(load).await;
        entry.map(Entry::into_value).map(|copy| copy.body)
    }

    /// Puts all copies of an entity out of reach.
    pub fn invalidate(&self, entity: &Entity) {
        self.epoch(entity).fetch_add(1, Ordering::AcqRel);
    }

    /// Puts everything out of reach.
    pub fn invalidate_all(&self) {
        for epoch in &self.epochs {
            epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// About how many copies there are.
    pub fn len(&self) -> u64 {
        self.copies.entry_count()
    }

    fn epoch(&self, entity: &Entity) -> &AtomicU64 {
        let place = self.hasher.hash_one(entity) as usize % EPOCHS;
        &self.epochs[place]
    }
}

struct ByCopy;

impl Expiry<Key, Copy> for ByCopy {
    fn expire_after_create(&self, _: &Key, copy: &Copy, _: Instant) -> Option<Duration> {
        Some(copy.lifetime)
    }
}
