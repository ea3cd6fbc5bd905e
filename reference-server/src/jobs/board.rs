//! What is in a queue, and what operators do with its dead jobs. apalis keeps a job's data in one hash, its
//! course in another, and its id in the list or set of its state.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Script};
use serde::Serialize;
use utoipa::ToSchema;

use super::queue::{Queue, Storage};
use super::{Job, Task};

/// Dead jobs shown of each queue.
const SHOWN: usize = 50;

/// Why the queues could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// Redis is away.
    #[error("the job queue is away: try again later")]
    Away,
    /// No such queue or dead job.
    #[error("there is no such job")]
    Unknown,
    /// Redis refused.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
}

/// All queues.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Each queue; none when jobs run inline.
    pub queues: Vec<QueueStatus>,
}

/// One queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Its name.
    pub name: &'static str,
    /// Jobs by state.
    #[serde(flatten)]
    pub counts: Counts,
    /// The first dead jobs, at most fifty.
    pub dead_jobs: Vec<DeadJob>,
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// Wait for a worker.
    pub waiting: usize,
    /// Wait for another attempt.
    pub scheduled: usize,
    /// Are being performed.
    pub running: usize,
    /// Were performed.
    pub done: usize,
    /// Failed for good.
    pub dead: usize,
}

/// A job that failed for good.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadJob {
    /// Its id in the queue.
    pub id: String,
    /// What was to be done, without its content.
    pub what: String,
    /// Attempts that it had.
    pub attempts: u64,
    /// Why the last one failed.
    pub failure: String,
}

/// Looks at a queue.
pub async fn look(queue: &Queue) -> Result<QueueStatus, BoardError> {
    let (mut redis, name) = (connection(queue)?, queue.kind().name());
    let counts = count(&mut redis, name).await?;
    let (_, mut ids): (u64, Vec<String>) = redis::cmd("SSCAN")
        .arg(key(name, "dead"))
        .arg(0)
        .arg("COUNT")
        .arg(SHOWN)
        .query_async(&mut redis)
        .await?;
    ids.truncate(SHOWN);
    let mut dead_jobs = Vec::with_capacity(ids.len());
    for id in ids {
        dead_jobs.push(dead_job(&mut redis, name, id).await?);
    }
    Ok(QueueStatus { name, counts, dead_jobs })
}

async fn count(redis: &mut MultiplexedConnection, name: &str) -> Result<Counts, BoardError> {
    let workers: Vec<String> = redis.zrange(key(name, "workers"), 0, -1).await?;
    let mut asked = redis::pipe();
    asked.llen(key(name, "active")).zcard(key(name, "scheduled"));
    asked.scard(key(name, "done")).scard(key(name, "dead"));
    for worker in &workers {
        asked.scard(format!("{}:{worker}", key(name, "inflight")));
    }
    let counted: Vec<usize> = asked.query_async(redis).await?;
    let at = |place: usize| counted.get(place).copied().unwrap_or(0);
    let running = counted.iter().skip(4).sum();
    Ok(Counts { waiting: at(0), scheduled: at(1), running, done: at(2), dead: at(3) })
}

async fn dead_job(redis: &mut MultiplexedConnection, name: &str, id: String) -> Result<DeadJob, BoardError> {
    let data: Option<Vec<u8>> = redis.hget(key(name, "data"), &id).await?;
    let course: HashMap<String, String> = redis.hgetall(format!("{}:{id}", key(name, "meta"))).await?;
    let job = data.and_then(|data| serde_json::from_slice::<Job>(&data).ok());
    let attempts = course.get("attempts").and_then(|text| text.parse().ok()).unwrap_or(0);
    let failure = course.get("result").cloned().unwrap_or_default();
    Ok(DeadJob { id, what: job.map_or_else(String::new, |job| describe(&job.task)), attempts, failure })
}

fn describe(task: &Task) -> String {
    match task {
        Task::Email(email) => format!("mail \"{}\"", email.subject),
        Task::Upload { upload } => format!("file {upload}"),
    }
}

/// Puts a dead job back with a fresh count of attempts.
pub async fn revive(queue: &Queue, id: &str) -> Result<(), BoardError> {
    static REVIVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("revive.lua")));
    let (mut redis, name) = (connection(queue)?, queue.kind().name());
    let revived: u64 = REVIVE
        .key(key(name, "dead"))
        .key(key(name, "active"))
        .key(format!("{}:{id}", key(name, "meta")))
        .key(key(name, "signal"))
        .arg(id)
        .invoke_async(&mut redis)
        .await?;
    if revived == 1 { Ok(()) } else { Err(BoardError::Unknown) }
}

/// Forgets a dead job.
pub async fn bury(queue: &Queue, id: &str) -> Result<(), BoardError> {
    let (mut redis, name) = (connection(queue)?, queue.kind().name());
    let found: u64 = redis.srem(key(name, "dead"), id).await?;
    let _: () = redis::pipe()
        .hdel(key(name, "data"), id)
        .del(format!("{}:{id}", key(name, "meta")))
        .query_async(&mut redis)
        .await?;
    if found == 1 { Ok(()) } else { Err(BoardError::Unknown) }
}

fn connection(queue: &Queue) -> Result<MultiplexedConnection, BoardError> {
    let mut storage: Storage = queue.storage().ok_or(BoardError::Away)?;
    Ok(storage.get_connection().clone())
}

/// The key that apalis uses for a part of a queue.
pub fn key(queue: &str, part: &str) -> String {
    format!("{queue}:{part}")
}
