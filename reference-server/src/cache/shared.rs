//! The second level: copies in Redis, for all instances.
//!
//! One hash holds an entity: a field for each variation and one for its generation, a number that no other life
//! of the hash has. A load remembers the generation that it missed under, and its result is kept only while the
//! hash still has it. So an invalidation is one command on one key, which works in a Cluster too: the hash is
//! unlinked, and what was loaded before is kept no more.

mod debts;
mod scripts;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::Entity;
use super::local::Copy;
use crate::redis::{Notice, Redis, Unavailable};
use debts::{Debt, Debts};
use scripts::Scripts;

/// Instances tell each other here what they have invalidated.
const CHANNEL: &str = "cache:invalidate";

/// Pause before Redis is asked again when it has refused.
const BREATH: Duration = Duration::from_millis(100);

/// Commands under way for one invalidation of many entities.
const AT_ONCE: usize = 64;

/// What Redis has.
pub enum Lookup {
    /// A copy.
    Hit(Copy),
    /// None, under this generation.
    Miss(Vec<u8>),
    /// Redis is away, or has not heard of an invalidation yet.
    Away,
}

/// The copies in Redis.
pub struct Shared {
    redis: Arc<Redis>,
    scripts: Scripts,
    debts: Debts,
    instance: String,
}

impl Shared {
    /// Over this connection.
    pub fn new(redis: Arc<Redis>, longest_life: Duration) -> Self {
        let instance = format!("{:032x}", rand::random::<u128>());
        Self { redis, scripts: Scripts::new(), debts: Debts::new(longest_life), instance }
    }

    /// Looks for a copy.
    pub async fn find(&self, entity: &Entity, variation: &str) -> Lookup {
        if self.debts.include(entity) {
            return Lookup::Away;
        }
        let generation = rand::random::<u128>().to_be_bytes().to_vec();
        let args = [field(variation), generation];
        let answer =
            self.redis.script("cache_find", &self.scripts.find, &[key(entity).as_str()], &args).await;
        match answer {
            Ok((_, Some(body), millis)) => {
                let body = Vec::into(body);
                Lookup::Hit(Copy { body, lifetime: Duration::from_millis(millis) })
            }
            Ok((generation, None, _)) => Lookup::Miss(generation),
            Err(Unavailable) => Lookup::Away,
        }
    }

    /// Keeps what was loaded after a miss under this generation.
    pub async fn keep(&self, entity: &Entity, variation: &str, generation: &[u8], copy: &Copy) {
        let Copy { body, lifetime } = copy;
        let args = [field(variation), generation.to_vec(), millis(*lifetime), body.to_vec()];
        let kept = self.redis.script("cache_keep", &self.scripts.keep, &[key(entity).as_str()], &args).await;
        let kept: Result<bool, _> = kept;
        tracing::trace!(%entity, ?kept, "offered to Redis");
    }

    /// Drops the copies, and tells the other instances. What cannot be dropped now is not used by this instance
    /// until it is.
    pub async fn invalidate(&self, entities: &[Entity]) {
        for some in entities.chunks(AT_ONCE) {
            join_all(some.iter().map(|entity| self.unlink_or_owe(entity))).await;
        }
        self.tell(entities);
    }

    async fn unlink_or_owe(&self, entity: &Entity) {
        if self.unlink(entity).await.is_err() {
            self.debts.add(entity);
        }
    }

    async fn unlink(&self, entity: &Entity) -> Result<(), Unavailable> {
        let mut command = redis::cmd("UNLINK");
        command.arg(key(entity));
        self.redis.query("cache_invalidate", command).await
    }

    fn tell(&self, entities: &[Entity]) {
        let mut message = self.instance.clone();
        for entity in entities {
            message.push('\n');
            message.push_str(&entity.to_string());
        }
        self.redis.publish(CHANNEL, message.into_bytes());
    }

    /// Pays debts for as long as it is polled: an invalidation that Redis missed is repeated until it is heard.
    pub async fn catch_up(&self) {
        let mut available = self.redis.availability();
        loop {
            self.debts.wait_for_one().await;
            if available.wait_for(|available| *available).await.is_err() {
                return;
            }
            let owed = self.debts.list();
            let mut paid = Vec::with_capacity(owed.len());
            for some in owed.chunks(AT_ONCE) {
                paid.extend(join_all(some.iter().map(|debt| self.pay(debt))).await.into_iter().flatten());
            }
            self.tell(&paid);
            if paid.len() < owed.len() {
                tokio::time::sleep(BREATH).await;
            }
        }
    }

    async fn pay(&self, debt: &Debt) -> Option<Entity> {
        self.unlink(&debt.0).await.ok()?;
        self.debts.settle(debt);
        Some(debt.0.clone())
    }

    /// What others invalidate.
    pub fn notices(&self) -> mpsc::Receiver<Notice> {
        self.redis.subscribe(CHANNEL)
    }

    /// The entities in a message, unless it is this instance's own.
    pub fn stale_elsewhere(&self, message: &[u8]) -> Vec<Entity> {
        let mut lines = std::str::from_utf8(message).unwrap_or_default().lines();
        if lines.next() == Some(&self.instance) {
            return Vec::new();
        }
        lines.filter_map(|line| line.parse().ok()).collect()
    }
}

fn key(entity: &Entity) -> String {
    format!("cache:{entity}")
}

/// Never the field of the generation.
fn field(variation: &str) -> Vec<u8> {
    format!("v:{variation}").into_bytes()
}

fn millis(time: Duration) -> Vec<u8> {
    time.as_millis().to_string().into_bytes()
}
