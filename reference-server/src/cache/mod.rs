//! The response cache: JSON bodies, in this process (`local`) and behind it in Redis (`shared`), for all
//! instances. What a write makes stale is dropped after it and before it is acknowledged, so that no copy of the
//! old state is found, or kept by a load that began before, once the writer has its answer.

mod entity;
mod local;
mod shared;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

pub use entity::Entity;

use crate::config::CacheSettings;
use crate::redis::{Notice, Redis};
use crate::telemetry::Telemetry;
use local::{Copy, Local};
use shared::{Lookup, Shared};

/// Long lists of followers that are walked through at the same time.
const FANOUTS: usize = 4;

/// Both levels, or neither.
pub struct Cache {
    levels: Option<Levels>,
    /// Authors whose followers' feeds are dropped in the background at the same time.
    pub fanouts: Semaphore,
}

struct Levels {
    settings: CacheSettings,
    local: Local,
    shared: Option<Shared>,
    telemetry: Arc<Telemetry>,
}

/// A body, and whether it was in the cache; neither when this body is never cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// JSON.
    pub body: Bytes,
    /// Where it comes from.
    pub source: Source,
}

/// Where a body comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This process.
    Local,
    /// Redis.
    Shared,
    /// The store; the cache has it now.
    Loaded,
    /// The store; it is never cached.
    Uncached,
}

impl Cache {
    /// Without a copy. With Redis, all instances share the second level.
    pub fn new(settings: &CacheSettings, redis: Option<Arc<Redis>>, telemetry: &Arc<Telemetry>) -> Self {
        let levels = settings.enabled.then(|| Levels {
            settings: settings.clone(),
            local: Local::new(settings),
            shared: redis.filter(|_| settings.redis).map(|redis| Shared::new(redis, longest_life(settings))),
            telemetry: Arc::clone(telemetry),
        });
        Self { levels, fanouts: Semaphore::new(FANOUTS) }
    }

    /// Whether anything is cached at all.
    pub fn is_on(&self) -> bool {
        self.levels.is_some()
    }

    /// Whether copies of this entity are kept.
    pub fn keeps(&self, entity: &Entity) -> bool {
        self.levels.as_ref().is_some_and(|levels| !entity.lifetime(&levels.settings).is_zero())
    }

    /// The body of one variation of an entity: from here, from Redis, or loaded, and then kept unless the entity
    /// was invalidated meanwhile. Whoever asks while it loads waits for the same load.
    pub async fn get_or_load<E, F>(&self, entity: &Entity, variation: &str, load: F) -> Result<Found, E>
    where
        F: Future<Output = Result<Bytes, E>>,
        E: Clone + Send + Sync + 'static,
    {
        match &self.levels {
            Some(levels) if self.keeps(entity) => levels.get_or_load(entity, variation, load).await,
            _ => Ok(Found { body: load.await?, source: Source::Uncached }),
        }
    }

    /// Drops every copy of these entities, here before this returns and in Redis too; other instances drop
    /// theirs as soon as they are told.
    pub async fn invalidate(&self, entities: &[Entity]) {
        if let Some(levels) = &self.levels {
            levels.invalidate(entities).await;
        }
    }

    /// Follows what other instances invalidate, and makes up for what Redis could not be told. Runs for as long
    /// as the server.
    pub async fn follow(&self) {
        if let Some(Levels { local, shared: Some(shared), .. }) = &self.levels {
            tokio::join!(follow(local, shared), shared.catch_up());
        }
    }

    /// About how many copies this process has.
    pub fn len(&self) -> u64 {
        self.levels.as_ref().map_or(0, |levels| levels.local.len())
    }
}

impl Levels {
    async fn get_or_load<E, F>(&self, entity: &Entity, variation: &str, load: F) -> Result<Found, E>
    where
        F: Future<Output = Result<Bytes, E>>,
        E: Clone + Send + Sync + 'static,
    {
        let source = AtomicU8::new(Source::Local as u8);
        let behind = async {
            let (copy, came_from) = self.look_behind(entity, variation, load).await?;
            source.store(came_from as u8, Ordering::Relaxed);
            Ok(copy)
        };
        let body = self.local.get_or_load(entity, variation, behind).await;
        let body = body.map_err(|failure: Arc<E>| Arc::unwrap_or_clone(failure))?;
        let source = Source::ALL[usize::from(source.into_inner())];
        self.telemetry.cache_request(entity.class(), source.outcome());
        Ok(Found { body, source })
    }

    /// The second level, and the store behind it.
    async fn look_behind<E, F>(&self, entity: &Entity, variation: &str, load: F) -> Result<(Copy, Source), E>
    where
        F: Future<Output = Result<Bytes, E>>,
    {
        let lifetime = entity.lifetime(&self.settings);
        let looked_up = match &self.shared {
            Some(shared) => shared.find(entity, variation).await,
            None => Lookup::Away,
        };
        if let Lookup::Hit(copy) = looked_up {
            return Ok((copy, Source::Shared));
        }
        let copy = Copy { body: load.await?, lifetime };
        if let (Some(shared), Lookup::Miss(generation)) = (&self.shared, looked_up) {
            shared.keep(entity, variation, &generation, &copy).await;
        }
        Ok((copy, Source::Loaded))
    }

    async fn invalidate(&self, entities: &[Entity]) {
        if let Some(shared) = &self.shared {
            shared.invalidate(entities).await;
        }
        for entity in entities {
            self.local.invalidate(entity);
            self.telemetry.cache_invalidation(entity.class());
        }
    }
}

impl Source {
    const ALL: [Self; 4] = [Self::Local, Self::Shared, Self::Loaded, Self::Uncached];

    fn outcome(self) -> &'static str {
        match self {
            Self::Local => "hit_l1",
            Self::Shared => "hit_l2",
            Self::Loaded => "miss",
            Self::Uncached => "uncached",
        }
    }
}

/// After this time Redis has no copy of what is written now.
fn longest_life(settings: &CacheSettings) -> Duration {
    let CacheSettings { profile, followers, feed, notification_count, post, lawyers, dashboard, .. } =
        settings;
    let lives = [profile, followers, feed, notification_count, post, lawyers, dashboard];
    lives.into_iter().copied().max().unwrap_or_default()
}

async fn follow(local: &Local, shared: &Shared) {
    let mut notices = shared.notices();
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Message(message) => {
                for entity in shared.stale_elsewhere(&message) {
                    local.invalidate(&entity);
                }
            }
            Notice::Interrupted => local.invalidate_all(),
        }
    }
}
