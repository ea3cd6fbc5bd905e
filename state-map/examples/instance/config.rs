//! What a process is told at its start.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use state_map::Settings;
use state_map::redis::{ConnectError, RedisPort, RedisSettings};
use state_map::wire::key::Space;

use crate::skewed::Skewed;

/// One line of JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    name: String,
    redis: String,
    /// Keys that steer are under this name.
    space: String,
    lease_ms: u64,
    /// Time that one operation may take.
    operation_ms: u64,
    /// Time that one call to Redis may take, and of it the wait for replicas.
    timeout_ms: u64,
    replicate_ms: u64,
    call_life_ms: u64,
    idle_ms: u64,
    /// By how much the wall clock is off.
    skew_ms: i64,
}

impl Config {
    /// Redis, with this machine's clock.
    pub fn port(&self) -> Result<Arc<Skewed>, ConnectError> {
        let redis = RedisPort::new(RedisSettings {
            url: self.redis.clone(),
            space: Space::new(&self.space),
            timeout: Duration::from_millis(self.timeout_ms),
            replicate_within: Duration::from_millis(self.replicate_ms),
        })?;
        Ok(Arc::new(Skewed { redis, skew_ms: self.skew_ms }))
    }

    /// How it takes part.
    pub fn settings(&self) -> Settings {
        Settings {
            lease: Duration::from_millis(self.lease_ms),
            operation: Duration::from_millis(self.operation_ms),
            call_life: Duration::from_millis(self.call_life_ms),
            compare_every: Duration::from_millis(self.lease_ms / 10),
            idle: Duration::from_millis(self.idle_ms),
            ..Settings::named(&self.name)
        }
    }
}
