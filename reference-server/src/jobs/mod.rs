//! Background jobs: e-mail and the processing of uploads. A job runs inline, while its request waits, or is
//! queued in Redis (`queue`) and performed by a worker of any instance.
//!
//! Jobs are performed at least once and are idempotent: a mail is a file named after its job, an upload is
//! looked at again with the same result. When the queue cannot be reached, a job is performed inline instead,
//! so that Redis lost is a slower request and not a lost mail.

mod board;
mod mailer;
mod performer;
mod queue;
mod retention;

use std::sync::Arc;
use std::time::Instant;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use board::{BoardError, QueueStatus, Status};
#[cfg(test)]
pub use board::{Counts, DeadJob};
pub use mailer::Mailer;
use performer::JobFailure;
pub use performer::Performer;
use queue::Queue;

use crate::config::{Config, JobMode};
use crate::domain::UploadId;
use crate::error::StartError;
use crate::redis::Dedicated;
use crate::store::Store;
use crate::telemetry::Telemetry;
use crate::upload::Files;

/// Folder of the mails in the data folder.
const OUTBOX: &str = "outbox";

/// A mail to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Email {
    /// Who receives it.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Task {
    /// Send a mail.
    Email(Email),
    /// Check that a file is what it was when it came.
    Upload {
        /// The file.
        upload: UploadId,
    },
}

/// One job. Its id makes performing it twice the same as performing it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The job.
    pub id: Uuid,
    /// What is to be done.
    pub task: Task,
}

/// The kinds of jobs, each with a queue of its own: slow files hold up no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Mail.
    Email,
    /// Files.
    File,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Email, Self::File];

    /// The name in keys, metrics and routes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::File => "file",
        }
    }
}

impl Task {
    /// The queue it belongs to.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Email(_) => Kind::Email,
            Self::Upload { .. } => Kind::File,
        }
    }
}

/// Takes jobs, and performs or queues them.
pub struct Jobs {
    performer: Arc<Performer>,
    queues: Vec<Queue>,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
}

impl Jobs {
    /// Starts the workers of the queues, when jobs are queued.
    pub fn start(
        config: &Config,
        store: &Arc<dyn Store>,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self, StartError> {
        let settings = &config.jobs;
        let mailer = Mailer::new(config.data.join(OUTBOX), settings.mail_latency);
        let performer = Arc::new(Performer::new(mailer, Files::of(config), Arc::clone(store)));
        let stop = CancellationToken::new();
        let redis = match settings.mode {
            JobMode::Inline => None,
            JobMode::Queued => Some(Arc::new(queue_redis(config)?)),
        };
        let start = |kind| {
            let redis = Arc::clone(redis.as_ref()?);
            Some(Queue::start(kind, settings, redis, &performer, telemetry, &stop))
        };
        let queues = Kind::ALL.into_iter().filter_map(start).collect();
        Ok(Self { performer, queues, telemetry: Arc::clone(telemetry), stop })
    }

    /// Performs or queues a task. A failure is logged and counted: the request that caused it is done all the
    /// same.
    pub async fn submit(&self, task: Task) {
        let job = Job { id: Uuid::now_v7(), task };
        let kind = job.task.kind();
        if let Some(queue) = self.queue(kind) {
            match queue.push(&job).await {
                Ok(()) => return self.telemetry.job(kind.name(), "queued"),
                Err(failure) => tracing::warn!(%failure, job = %job.id, "not queued, performed at once"),
            }
        }
        let started = Instant::now();
        let outcome = self.performer.perform(&job).await;
        self.telemetry.job_done(kind.name(), outcome.is_ok(), started.elapsed());
        if let Err(failure) = outcome {
            tracing::error!(%failure, job = %job.id, "a job failed");
        }
    }

    /// What the queues hold; empty when jobs run inline.
    pub async fn status(&self) -> Result<Status, BoardError> {
        let mut queues = Vec::with_capacity(self.queues.len());
        for queue in &self.queues {
            queues.push(board::look(queue).await?);
        }
        Ok(Status { queues })
    }

    /// Puts a dead job back into its queue, with all its attempts.
    pub async fn revive(&self, kind: &str, id: &str) -> Result<(), BoardError> {
        board::revive(self.named(kind)?, id).await
    }

    /// Forgets a dead job.
    pub async fn bury(&self, kind: &str, id: &str) -> Result<(), BoardError> {
        board::bury(self.named(kind)?, id).await
    }

    /// Ends the workers, and waits until their jobs are done or given back.
    pub async fn close(&self) {
        self.stop.cancel();
        for queue in &self.queues {
            queue.closed().await;
        }
    }

    fn queue(&self, kind: Kind) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.kind() == kind)
    }

    fn named(&self, kind: &str) -> Result<&Queue, BoardError> {
        self.queues.iter().find(|queue| queue.kind().name() == kind).ok_or(BoardError::Unknown)
    }
}

/// The queue's own Redis, or else the application's.
fn queue_redis(config: &Config) -> Result<Dedicated, StartError> {
    let shared = config.redis.as_ref().map(|redis| &redis.url);
    let url = config.jobs.redis.as_ref().or(shared).ok_or(StartError::Setting {
        setting: "jobs.mode",
        value: "queued without a Redis".into(),
        expected: "inline, or jobs.redis or redis must say where the queue is",
    })?;
    Dedicated::parse(url.expose_secret(), "jobs.redis")
}
