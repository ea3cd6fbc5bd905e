//! Which steps of scaling are on, at a glance.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Config, JobMode, RateScope, StateHome, StoreHome};

/// The steps of the documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Steps {
    /// Processes on the port.
    instances: u32,
    /// The declared indexes exist.
    indexes: bool,
    /// Data are in MongoDB.
    mongodb: bool,
    /// There is a Redis.
    redis: bool,
    /// Responses are compressed.
    compression: bool,
    /// Unchanged responses are not sent again.
    etag: bool,
    /// Responses are cached.
    cache: bool,
    /// The cache is shared through Redis.
    shared_cache: bool,
    /// Popular entries are loaded at the start.
    cache_warming: bool,
    /// Clients are limited.
    rate_limits: bool,
    /// The limits are counted in Redis.
    shared_rate_limits: bool,
    /// Presence and games are in Redis.
    shared_state: bool,
    /// Events reach the sockets of other instances.
    adapter: bool,
    /// Jobs are done later, by workers.
    job_queue: bool,
}

impl Steps {
    /// The steps that these settings switch on.
    pub fn of(config: &Config) -> Self {
        let redis = config.redis.as_ref();
        Self {
            instances: config.instance.as_ref().map_or(1, |instance| instance.of),
            indexes: config.store.indexes,
            mongodb: matches!(config.store.home, StoreHome::Mongo(_)),
            redis: redis.is_some(),
            compression: config.http.compression.enabled,
            etag: config.http.etag,
            cache: config.cache.enabled,
            shared_cache: config.cache.enabled && config.cache.redis && redis.is_some(),
            cache_warming: config.cache.enabled && config.cache.warming,
            rate_limits: config.rate_limits.scope != RateScope::Off,
            shared_rate_limits: config.rate_limits.scope == RateScope::Redis,
            shared_state: redis.is_some_and(|redis| redis.state == StateHome::Redis),
            adapter: config.spans_instances(),
            job_queue: config.jobs.mode == JobMode::Queued,
        }
    }
}
