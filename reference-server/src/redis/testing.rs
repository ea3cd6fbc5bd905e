//! A real Redis for unit tests.

use std::sync::Arc;
use std::time::Duration;

pub use redis_fixture::Server as RedisServer;

use super::Redis;
use crate::config::RedisSettings;
use crate::telemetry::Telemetry;

/// A handle of its own, once the server answers.
pub async fn connect(server: &RedisServer) -> Arc<Redis> {
    let mut settings = RedisSettings::new(server.url());
    settings.timeout = Duration::from_millis(200);
    settings.retry_interval = Duration::from_millis(20);
    let redis = Redis::connect(&settings, Arc::new(Telemetry::new(None))).await.unwrap();
    redis.availability().wait_for(|available| *available).await.unwrap();
    redis
}
