//! Background jobs: e-mail and the processing of files.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{OptionalSecret, Span};

/// Settings of the jobs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobSettings {
    /// Whether a request waits for its jobs.
    pub mode: JobMode,
    /// Redis of the queue, when it is not the application's: the queue cannot live in a Cluster.
    #[serde(with = "OptionalSecret")]
    pub redis: Option<SecretString>,
    /// Jobs that one process works on at the same time, of each kind.
    #[schemars(range(min = 1))]
    pub concurrency: usize,
    /// Attempts before a job is dead. Between two of them pass as many seconds as there were before.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// Time that the mail provider takes for one mail. A real one takes some; the outbox takes none.
    #[serde(with = "Span")]
    pub mail_latency: Duration,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            mode: JobMode::Inline,
            redis: None,
            concurrency: 8,
            max_attempts: 5,
            mail_latency: Duration::ZERO,
        }
    }
}

/// When a job is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum JobMode {
    /// Before the request is answered.
    Inline,
    /// Later, by a worker, from a queue in Redis.
    Queued,
}
