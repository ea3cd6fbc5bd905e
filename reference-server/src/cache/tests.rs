//! Both levels against a real Redis, with two instances that share it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::task::{JoinSet, yield_now};

use super::*;
use crate::domain::UserId;
use crate::redis::testing::{RedisServer, connect};

fn settings(l1_entries: u64) -> CacheSettings {
    CacheSettings { enabled: true, l1_entries, l1_ttl: Duration::from_secs(600), ..CacheSettings::default() }
}

async fn with_redis(server: &RedisServer, l1_entries: u64) -> Arc<Cache> {
    let redis = connect(server).await;
    let cache = Cache::new(&settings(l1_entries), Some(redis), &Arc::new(Telemetry::new(None)));
    let cache = Arc::new(cache);
    let following = Arc::clone(&cache);
    tokio::spawn(async move { following.follow().await });
    cache
}

fn alone() -> Cache {
    Cache::new(&settings(1_000), None, &Arc::new(Telemetry::new(None)))
}

fn profile() -> Entity {
    Entity::Profile(UserId::new())
}

async fn look(cache: &Cache, entity: &Entity, value: &str) -> (String, Source) {
    let load = async { Ok::<_, Infallible>(Bytes::from(value.to_owned())) };
    let Ok(Found { body, source }) = cache.get_or_load(entity, "", load).await;
    (String::from_utf8(body.to_vec()).unwrap(), source)
}

#[tokio::test]
async fn a_copy_is_used_until_it_is_invalidated() {
    let (cache, entity, other) = (alone(), profile(), profile());
    assert_eq!(look(&cache, &entity, "1").await, ("1".into(), Source::Loaded));
    assert_eq!(look(&cache, &entity, "2").await, ("1".into(), Source::Local));
    assert_eq!(look(&cache, &other, "3").await, ("3".into(), Source::Loaded));
    cache.invalidate(std::slice::from_ref(&entity)).await;
    assert_eq!(look(&cache, &entity, "2").await, ("2".into(), Source::Loaded));
}

#[tokio::test]
async fn misses_of_one_key_load_once_and_errors_are_shared_but_not_kept() {
    let (cache, entity, loads) = (alone(), profile(), AtomicUsize::new(0));
    let load = |outcome: Result<Bytes, &'static str>| {
        let (cache, entity, loads) = (&cache, &entity, &loads);
        async move {
            let load = async {
                loads.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
                outcome
            };
            cache.get_or_load(entity, "", load).await
        }
    };
    let failed = join_all((0..50).map(|_| load(Err("down")))).await;
    assert!(failed.iter().all(|outcome| outcome == &Err("down")));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    let loaded = join_all((0..50).map(|_| load(Ok(Bytes::from_static(b"up"))))).await;
    assert!(loaded.into_iter().all(|found| found.unwrap().body == "up"));
    assert_eq!(loads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn other_instances_find_the_copy_and_lose_it() {
    let server = RedisServer::start();
    let (one, other) = (with_redis(&server, 1_000).await, with_redis(&server, 1_000).await);
    let entity = profile();
    assert_eq!(look(&one, &entity, "1").await.1, Source::Loaded);
    while look(&other, &entity, "1").await.1 != Source::Local {}
    one.invalidate(std::slice::from_ref(&entity)).await;
    let deadline = Instant::now() + Duration::from_secs(5);
    while look(&other, &entity, "2").await.0 != "2" {
        assert!(Instant::now() < deadline, "the other instance was not told");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The race that a plain delete loses: the load reads the old state, then the write and its invalidation
/// happen, then the load is done.
#[tokio::test]
async fn what_was_loaded_before_an_invalidation_is_not_kept_after_it() {
    let server = RedisServer::start();
    let (one, other) = (with_redis(&server, 0).await, with_redis(&server, 0).await);
    let entity = profile();
    let load = async {
        other.invalidate(std::slice::from_ref(&entity)).await;
        Ok::<_, Infallible>(Bytes::from_static(b"old"))
    };
    let Ok(found) = one.get_or_load(&entity, "", load).await;
    assert_eq!(found.body, "old");
    assert_eq!(look(&one, &entity, "new").await, ("new".into(), Source::Loaded));
    assert_eq!(look(&other, &entity, "newer").await, ("new".into(), Source::Shared));
}

#[tokio::test]
async fn without_redis_requests_succeed_and_its_stale_copies_are_not_used_afterwards() {
    let server = RedisServer::start();
    let (one, other) = (with_redis(&server, 0).await, with_redis(&server, 0).await);
    let entity = profile();
    assert_eq!(look(&one, &entity, "old").await.1, Source::Loaded);
    assert_eq!(look(&other, &entity, "new").await, ("old".into(), Source::Shared));
    server.stop();
    one.invalidate(std::slice::from_ref(&entity)).await;
    assert_eq!(look(&one, &entity, "new").await, ("new".into(), Source::Loaded));
    server.cont();
    let deadline = Instant::now() + Duration::from_secs(10);
    while look(&other, &entity, "new").await.0 == "old" {
        assert_eq!(look(&one, &entity, "new").await.0, "new");
        assert!(Instant::now() < deadline, "the invalidation was never made up for");
    }
}

#[tokio::test]
async fn a_copy_in_redis_ends_with_its_lifetime_and_variations_are_bounded() {
    let server = RedisServer::start();
    let redis = connect(&server).await;
    let shared = Shared::new(Arc::clone(&redis), Duration::ZERO);
    let entity = profile();
    let keep = async |variation: &str, millis: u64| {
        let Lookup::Miss(generation) = shared.find(&entity, variation).await else { panic!("no miss") };
        let lifetime = Duration::from_millis(millis);
        let copy = Copy { body: Bytes::from_static(b"\0\xff"), lifetime };
        shared.keep(&entity, variation, &generation, &copy).await;
    };
    keep("short", 30).await;
    keep("long", 60_000).await;
    let Lookup::Hit(Copy { body, lifetime }) = shared.find(&entity, "long").await else { panic!("no hit") };
    assert_eq!(body.as_ref(), b"\0\xff");
    assert!((59_000..=60_000).contains(&lifetime.as_millis()), "{lifetime:?}");
    while matches!(shared.find(&entity, "short").await, Lookup::Hit(_)) {}
    for page in 0..200 {
        keep(&page.to_string(), 60_000).await;
    }
    let mut count = redis::cmd("HLEN");
    count.arg(format!("cache:{entity}"));
    let fields: u64 = redis.query("test", count).await.unwrap();
    assert!(fields <= 65, "{fields}");
}

/// A store of numbers that only grow, and what each instance's writers were told.
struct World {
    entities: Vec<Entity>,
    stored: Vec<AtomicU64>,
    acknowledged: [Vec<AtomicU64>; 2],
}

impl World {
    fn new(entities: usize) -> Self {
        let zeros = || (0..entities).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        Self {
            entities: (0..entities).map(|_| profile()).collect(),
            stored: zeros(),
            acknowledged: [zeros(), zeros()],
        }
    }

    async fn write(&self, cache: &Cache, instance: usize, which: usize) {
        let written = self.stored[which].fetch_add(1, Ordering::SeqCst) + 1;
        yield_now().await;
        cache.invalidate(&[self.entities[which].clone()]).await;
        self.acknowledged[instance][which].fetch_max(written, Ordering::SeqCst);
    }

    async fn read(&self, cache: &Cache, which: usize, pauses: u32) -> u64 {
        let load = async {
            let value = self.stored[which].load(Ordering::SeqCst);
            for _ in 0..pauses {
                yield_now().await;
            }
            Ok::<_, Infallible>(Bytes::from(value.to_string()))
        };
        let Ok(found) = cache.get_or_load(&self.entities[which], "", load).await;
        std::str::from_utf8(&found.body).unwrap().parse().unwrap()
    }
}

/// Reads never see less than what was acknowledged on their instance before they began; in the end, both
/// instances see the last write. With both levels, and with Redis alone, where nothing hides its races.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_writes_are_seen_in_any_interleaving() {
    for (seed, l1_entries) in [(1, 1_000), (2, 1_000), (3, 0), (4, 0)] {
        let server = RedisServer::start();
        let caches = [with_redis(&server, l1_entries).await, with_redis(&server, l1_entries).await];
        let world = Arc::new(World::new(3));
        let mut tasks = JoinSet::new();
        for task in 0..16 {
            let (world, caches) = (Arc::clone(&world), caches.clone());
            let mut random = ChaCha8Rng::seed_from_u64(seed * 100 + task);
            tasks.spawn(async move {
                for _ in 0..200 {
                    let (instance, which) = (random.random_range(0..2), random.random_range(0..3));
                    if random.random_bool(0.2) {
                        world.write(&caches[instance], instance, which).await;
                        continue;
                    }
                    let floor = world.acknowledged[instance][which].load(Ordering::SeqCst);
                    let seen = world.read(&caches[instance], which, random.random_range(0..40)).await;
                    assert!(seen >= floor, "seed {seed}: {seen} after {floor} was acknowledged");
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        for which in 0..3 {
            let last = world.stored[which].load(Ordering::SeqCst);
            for cache in &caches {
                while world.read(cache, which, 0).await < last {
                    assert!(Instant::now() < deadline, "seed {seed}: an instance kept an old copy");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    }
}
