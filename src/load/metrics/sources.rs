//! The sources: looked for once, then asked as often as somebody wants to know.

use std::time::Duration;

use mongodb::bson::Document;
use tokio::time::Instant;
use url::Url;

use super::host::{self, CpuTime};
use super::mongodb::{self as mongo, MongoDb};
use super::prometheus::Scrape;
use super::redis::{self as redis_info, Info, Redis};
use super::{Absent, Reading, target};
use crate::clients::{ClientError, SecretUrl};
use crate::text::one_line;

/// How long one answer may take; a system that is overloaded may well be late.
const LIMIT: Duration = Duration::from_secs(3);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Places {
    /// The application's metrics.
    pub metrics: Option<Url>,
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
    faults: Vec<Absent>,
}

impl Places {
    /// Those that nobody has named.
    pub fn unnamed(&self) -> Vec<Absent> {
        let unnamed = |is_named: bool, source, reason: &str| {
            (!is_named).then(|| Absent { source, reason: reason.to_owned() })
        };
        let all = [
            unnamed(self.metrics.is_some(), "target", "not named with --metrics"),
            unnamed(self.mongodb.is_some(), "mongodb", "not named with --mongodb"),
            unnamed(self.redis.is_some(), "redis", "not named with --redis"),
            unnamed(self.is_local, "host", "the target does not run on this machine"),
        ];
        all.into_iter().flatten().collect()
    }
}

impl Snapshot {
    /// When it was asked for.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Sources that did not answer this time.
    pub fn faults(&self) -> &[Absent] {
        &self.faults
    }

    /// What answered, or nothing and the reason why.
    fn heard<T>(&mut self, source: &'static str, answer: Option<Result<T, ClientError>>) -> Option<T> {
        let answer = answer?.map_err(|error| one_line(&error.to_string()));
        answer.map_err(|reason| self.faults.push(Absent { source, reason })).ok()
    }
}

impl Sources {
    /// Asks each once; what does not answer is named and not asked again.
    pub async fn find(places: Places) -> Self {
        let Places { metrics, mongodb, redis, is_local } = places;
        let mut absent = Vec::new();
        let mut miss = |source, reason: String| absent.push(Absent { source, reason: one_line(&reason) });
        let metrics = match metrics {
            Some(url) => connect_metrics(url).await.map_err(|reason| miss("target", reason)).ok(),
            None => None,
        };
        let mongodb = match mongodb {
            Some(uri) => connect_mongodb(uri).await.map_err(|reason| miss("mongodb", reason)).ok(),
            None => None,
        };
        let redis = match redis {
            Some(url) => connect_redis(url).await.map_err(|reason| miss("redis", reason)).ok(),
            None => None,
        };
        Self { metrics, mongodb, redis, is_local, absent }
    }

    /// What was named and not there.
    pub fn absent(&self) -> &[Absent] {
        &self.absent
    }

    /// Asks all at once. Whoever does not answer in time says nothing this time.
    pub async fn snapshot(&self) -> Snapshot {
        let metrics = async { Some(target::scrape(self.metrics.as_ref()?, LIMIT).await) };
        let mongodb = async { Some(self.mongodb.as_ref()?.status().await) };
        let redis = async { Some(self.redis.as_ref()?.info().await) };
        let at = Instant::now();
        let host = self.is_local.then(host::cpu_time).flatten();
        let (metrics, mongodb, redis) = tokio::join!(metrics, mongodb, redis);
        let mut now = Snapshot { at, metrics: None, mongodb: None, redis: None, host, faults: Vec::new() };
        now.metrics = now.heard("target", metrics);
        now.mongodb = now.heard("mongodb", mongodb);
        now.redis = now.heard("redis", redis);
        now
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

async fn connect_metrics(url: Url) -> Result<Url, String> {
    let asked = target::scrape(&url, LIMIT).await;
    asked.map(|_| ()).map_err(|error| format!("{}: {error}", url.path()))?;
    Ok(url)
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
