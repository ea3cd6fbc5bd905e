//! One queue in Redis, kept by apalis, and this process's worker on it.
//!
//! apalis ends a worker when its connection breaks, retries up to 25 times whatever it was told, and takes up
//! retries and orphans only with its heartbeat. So the worker is supervised here, counts its attempts itself,
//! and has a heartbeat of a second: a failed job comes again after as many seconds as it has had attempts, and
//! the jobs of a killed process are taken up by another within four seconds.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::{
    AbortError, Attempt, BoxDynError, Data, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerError,
};
use apalis_redis::{Config, RedisStorage};
use futures_util::FutureExt;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::retention::forget_old;
use super::{Job, JobFailure, Kind, Performer};
use crate::config::JobSettings;
use crate::redis::Dedicated;
use crate::telemetry::Telemetry;

/// How often a worker says that it lives, and looks for retries and orphans.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Heartbeats missed before a worker's jobs are given to others.
const MISSED: usize = 3;

/// Time to queue a job: behind it, a request waits.
const PUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Pauses between attempts to reach Redis.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub type Storage = RedisStorage<Job, MultiplexedConnection>;

/// Why a job was not queued.
#[derive(Debug, thiserror::Error)]
pub enum NotQueued {
    /// There is no connection now.
    #[error("the job queue is away")]
    Away,
    /// Redis did not answer in time. It may have taken the job.
    #[error("the job queue does not answer")]
    Slow,
    /// Redis refused.
    #[error("the job queue refused: {0}")]
    Refused(String),
}

/// The handle to a queue.
pub struct Queue {
    kind: Kind,
    storage: watch::Receiver<Option<Storage>>,
    worker: TaskTracker,
}

impl Queue {
    /// Starts this process's worker on the queue.
    pub fn start(
        kind: Kind,
        settings: &JobSettings,
        redis: Arc<Dedicated>,
        performer: &Arc<Performer>,
        telemetry: &Arc<Telemetry>,
        stop: &CancellationToken,
    ) -> Self {
        let (connected, storage) = watch::channel(None);
        let bench = Bench {
            kind,
            settings: settings.clone(),
            performer: Arc::clone(performer),
            telemetry: Arc::clone(telemetry),
        };
        let worker = TaskTracker::new();
        worker.spawn(supervise(bench, redis, connected, stop.clone()));
        worker.close();
        Self { kind, storage, worker }
    }

    /// Which jobs it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds a job.
    pub async fn push(&self, job: &Job) -> Result<(), NotQueued> {
        let mut storage = self.storage().ok_or(NotQueued::Away)?;
        match timeout(PUSH_TIMEOUT, storage.push(job.clone())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(NotQueued::Refused(failure.to_string())),
            Err(_) => Err(NotQueued::Slow),
        }
    }

    /// The queue over the present connection, if there is one.
    pub fn storage(&self) -> Option<Storage> {
        self.storage.borrow().clone()
    }

    /// Waits until the worker has ended.
    pub async fn closed(&self) {
        self.worker.wait().await;
    }
}

/// What a worker needs besides its connection.
#[derive(Clone)]
struct Bench {
    kind: Kind,
    settings: JobSettings,
    performer: Arc<Performer>,
    telemetry: Arc<Telemetry>,
}

/// Keeps a worker running until the server stops.
async fn supervise(
    bench: Bench,
    redis: Arc<Dedicated>,
    connected: watch::Sender<Option<Storage>>,
    stop: CancellationToken,
) {
    let mut pause = SHORTEST_PAUSE;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let ended = work_until_broken(&bench, &redis, &connected, &stop).await;
        connected.send_replace(None);
        let Err(failure) = ended else { continue };
        if began.elapsed() > LONGEST_PAUSE {
            pause = SHORTEST_PAUSE;
        }
        tracing::warn!(queue = bench.kind.name(), %failure, ?pause, "the job worker ended and begins again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn work_until_broken(
    bench: &Bench,
    redis: &Dedicated,
    connected: &watch::Sender<Option<Storage>>,
    stop: &CancellationToken,
) -> Result<(), BoxDynError> {
    let connection = redis.connect().await?;
    let retention = forget_old(connection.clone(), bench.kind.name());
    let storage = RedisStorage::new(connection).with_config(config(bench));
    connected.send_replace(Some(storage.clone()));
    let worker = WorkerBuilder::new(format!("{}-{}", bench.kind.name(), Uuid::now_v7()))
        .backend(storage)
        .data(bench.clone())
        .concurrency(bench.settings.concurrency)
        .build(perform);
    let stop = stop.clone();
    let stopped = async move {
        stop.cancelled().await;
        Ok::<(), WorkerError>(())
    };
    tokio::select! {
        ended = worker.run_until(stopped) => Ok(ended?),
        failure = retention => Err(failure.into()),
    }
}

fn config(bench: &Bench) -> Config {
    Config::default()
        .queue(bench.kind.name())
        .batch_size(bench.settings.concurrency)
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED)
}

/// Fails for good after the last attempt: the job is a dead letter then.
async fn perform(job: Job, attempt: Attempt, bench: Data<Bench>) -> Result<(), BoxDynError> {
    let (attempt, name) = (attempt.current(), bench.kind.name());
    let started = Instant::now();
    let outcome = AssertUnwindSafe(bench.performer.perform(&job)).catch_unwind().await;
    let outcome = outcome.unwrap_or(Err(JobFailure::Panic));
    bench.telemetry.job_done(name, outcome.is_ok(), started.elapsed());
    let Err(failure) = outcome else { return Ok(()) };
    if attempt < bench.settings.max_attempts as usize {
        tracing::warn!(job = %job.id, attempt, %failure, "a job failed and will be tried again");
        return Err(failure.into());
    }
    tracing::error!(job = %job.id, attempt, %failure, "a job is dead");
    bench.telemetry.job(name, "dead");
    Err(AbortError::new(failure).into())
}
