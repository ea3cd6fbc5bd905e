//! The sources of a search: looked for once, then asked at the edges of every step.

use std::time::{Duration, Instant};

use mongodb::bson::Document;
use url::Url;

use super::host::{self, CpuTime};
use super::mongodb::{self as mongo, MongoDb};
use super::prometheus::Scrape;
use super::redis::{self as redis_info, Info, Redis};
use super::{Absent, Reading, target};
use crate::clients::SecretUrl;
use crate::text::one_line;

/// How long one answer may take; a system that is overloaded may well be late.
const LIMIT: Duration = Duration::from_secs(3);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Places {
    /// The application's metrics.
    pub metrics: Url,
    /// Its MongoDB.
    pub mongodb: Option<SecretUrl>,
    /// Its Redis.
    pub redis: Option<SecretUrl>,
    /// Whether the application runs on this machine.
    pub is_local: bool,
}

/// What was found there.
pub struct Sources {
    metrics: Option<Url>,
    mongodb: Option<MongoDb>,
    redis: Option<Redis>,
    is_local: bool,
    absent: Vec<Absent>,
}

/// What all sources say at one moment.
pub struct Snapshot {
    at: Instant,
    metrics: Option<Scrape>,
    mongodb: Option<Document>,
    redis: Option<Info>,
    host: Option<CpuTime>,
}

impl Sources {
    /// Asks each once; what does not answer is named and not asked again.
    pub async fn find(places: Places) -> Self {
        let Places { metrics, mongodb, redis, is_local } = places;
        let mut absent = Vec::new();
        let mut miss = |source, reason: String| absent.push(Absent { source, reason: one_line(&reason) });
        let found = target::scrape(&metrics, LIMIT).await;
        let metrics = match found {
            Ok(_) => Some(metrics),
            Err(error) => {
                miss("target", format!("{}: {error}", metrics.path()));
                None
            }
        };
        let mongodb = match mongodb {
            Some(uri) => connect_mongodb(uri).await.map_err(|reason| miss("mongodb", reason)).ok(),
            None => {
                miss("mongodb", "not named with --mongodb".to_owned());
                None
            }
        };
        let redis = match redis {
            Some(url) => connect_redis(url).await.map_err(|reason| miss("redis", reason)).ok(),
            None => {
                miss("redis", "not named with --redis".to_owned());
                None
            }
        };
        if !is_local {
            miss("host", "the target does not run on this machine".to_owned());
        }
        Self { metrics, mongodb, redis, is_local, absent }
    }

    /// What was not there.
    pub fn absent(&self) -> &[Absent] {
        &self.absent
    }

    /// Asks all at once. Whoever does not answer in time says nothing this time.
    pub async fn snapshot(&self) -> Snapshot {
        let metrics = async { target::scrape(self.metrics.as_ref()?, LIMIT).await.ok() };
        let mongodb = async { self.mongodb.as_ref()?.status().await.ok() };
        let redis = async { self.redis.as_ref()?.info().await.ok() };
        let at = Instant::now();
        let host = self.is_local.then(host::cpu_time).flatten();
        let (metrics, mongodb, redis) = tokio::join!(metrics, mongodb, redis);
        Snapshot { at, metrics, mongodb, redis, host }
    }

    /// What two moments tell.
    pub fn readings(&self, before: &Snapshot, after: &Snapshot) -> Vec<Reading> {
        let seconds = after.at.duration_since(before.at).as_secs_f64().max(1e-3);
        let cores = self.is_local.then(host::cores);
        let mut readings = Vec::new();
        if let Some((before, after)) = before.mongodb.as_ref().zip(after.mongodb.as_ref()) {
            readings.extend(mongo::readings(before, after, seconds));
        }
        if let Some((before, after)) = before.redis.as_ref().zip(after.redis.as_ref()) {
            readings.extend(redis_info::readings(before, after, seconds));
        }
        if let Some((before, after)) = before.metrics.as_ref().zip(after.metrics.as_ref()) {
            readings.extend(target::readings(before, after, seconds, cores));
        }
        if let Some((before, after)) = before.host.zip(after.host) {
            readings.extend(host::reading(before, after));
        }
        readings
    }
}

async fn connect_mongodb(uri: SecretUrl) -> Result<MongoDb, String> {
    let connected = async {
        let client = MongoDb::new(uri.clone(), LIMIT).await?;
        client.status().await.map(|_| client)
    };
    connected.await.map_err(|error| format!("{uri}: {error}"))
}

async fn connect_redis(url: SecretUrl) -> Result<Redis, String> {
    let connected = async {
        let client = Redis::new(url.clone(), LIMIT).await?;
        client.info().await.map(|_| client)
    };
    connected.await.map_err(|error| format!("{url}: {error}"))
}
