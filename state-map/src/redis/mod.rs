//! The port to a real Redis. (Skeleton: signatures only.)

use std::sync::Arc;
use std::time::Duration;

use crate::control::Id;
use crate::port::{Event, Port};
use crate::wire::call::{Call, Failure, Reply};
use crate::wire::key::Space;

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://`, `redis+sentinel://host:port,…/master`, `redis+cluster://host:port,…`. May hold a
    /// password: never shown.
    pub url: String,
    /// Names of the keys that steer.
    pub space: Space,
    /// Time that a call may take.
    pub timeout: Duration,
    /// Of it, the time to wait for replicas.
    pub replicate_within: Duration,
}

/// Why there is no port. Says nothing of what the URL holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL is malformed.
    #[error("the URL of Redis is malformed: expected redis://, redis+sentinel:// or redis+cluster://")]
    Malformed,
    /// Nobody answers.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
}

/// Redis: standalone, behind Sentinels, or a Cluster.
pub struct RedisPort {
    _settings: RedisSettings,
}

impl RedisPort {
    /// Reads the URL and makes a port; connections are made when they are needed, and again when they are lost.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError::Malformed`].
    pub fn new(_settings: RedisSettings) -> Result<Arc<Self>, ConnectError> {
        todo!()
    }
}

impl Port for RedisPort {
    async fn call(&self, _call: Call, _replicas: u32) -> Result<Reply, Failure> {
        todo!()
    }

    fn now(&self) -> Duration {
        todo!()
    }

    fn wall_ms(&self) -> u64 {
        todo!()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn random(&self) -> Id {
        todo!()
    }

    async fn event(&self, _incarnation: Id) -> Event {
        todo!()
    }
}
