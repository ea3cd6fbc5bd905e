//! What a server is started with. Every value has a default that suits one small machine; every scaling step
//! is off by default, so that its effect can be measured by switching it on.

mod cache;
mod http;
mod instance;
mod jobs;
mod rate;
mod redis;
mod secret;
mod security;
mod socket;
mod span;
mod steps;
mod store;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cache::CacheSettings;
pub use http::{Compression, HttpSettings};
pub use instance::Instance;
pub use jobs::{JobMode, JobSettings};
pub use rate::{Limit, RateLimits, RateScope};
pub use redis::{RedisSettings, StateHome};
pub use secret::SECRETS;
use secret::{OptionalSecret, Secret};
pub use security::{PasswordCost, SecuritySettings, SessionCookies};
pub use socket::SocketSettings;
pub use span::Span;
pub use steps::Steps;
pub use store::{Durability, MongoSettings, ReadFrom, StoreHome, StoreSettings};
pub use upload::UploadSettings;

/// Settings of one server process.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Folder of everything that the process keeps on disk: the embedded store, uploads, the mail outbox.
    pub data: PathBuf,
    /// Connections served at the same time. More are answered with 503 and `Retry-After`.
    #[schemars(range(min = 1))]
    pub max_connections: usize,
    /// Time that requests and sockets get to end after the shutdown future resolves; then they are cut.
    #[serde(with = "Span")]
    pub drain_deadline: Duration,
    /// Time within it that idle connections stay open, so that requests on their way to them are answered.
    #[serde(with = "Span")]
    pub idle_grace: Duration,
    /// Time that a chess room lives after its last move or visitor.
    #[serde(with = "Span")]
    pub room_ttl: Duration,
    /// Time that a room is kept once it has ended or everybody has left it.
    #[serde(with = "Span")]
    pub orphan_ttl: Duration,
    /// Where durable data live.
    pub store: StoreSettings,
    /// Redis, when there is one, and what is asked of it.
    pub redis: Option<RedisSettings>,
    /// The response cache.
    pub cache: CacheSettings,
    /// What one client may do in a while.
    pub rate_limits: RateLimits,
    /// Requests and responses.
    pub http: HttpSettings,
    /// Passwords, tokens, cookies, origins, administrators.
    pub security: SecuritySettings,
    /// Engine.IO and Socket.IO.
    pub socket: SocketSettings,
    /// Background jobs.
    pub jobs: JobSettings,
    /// Files that users send.
    pub uploads: UploadSettings,
    /// Name of this process among those that share its state; left out, its machine and address. A new process of
    /// this name takes over from the one before it, which must have ended. With several processes on one port,
    /// each one's number is added.
    pub instance_name: Option<String>,
    /// Which of several processes on one port this is, if there are several.
    #[serde(skip)]
    pub instance: Option<Instance>,
}

impl Config {
    /// Whether the sockets of other instances are told, too.
    pub fn spans_instances(&self) -> bool {
        self.redis.as_ref().is_some_and(|redis| redis.adapter)
    }

    /// Whether presence and games are on their way to Redis.
    pub fn migrates(&self) -> bool {
        self.redis.as_ref().is_some_and(|redis| redis.state == StateHome::Migrating)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("scalectl-data"),
            max_connections: 10_000,
            drain_deadline: Duration::from_secs(10),
            idle_grace: Duration::from_millis(500),
            room_ttl: Duration::from_secs(3_600),
            orphan_ttl: Duration::from_secs(60),
            store: StoreSettings::default(),
            redis: None,
            cache: CacheSettings::default(),
            rate_limits: RateLimits::default(),
            http: HttpSettings::default(),
            security: SecuritySettings::default(),
            socket: SocketSettings::default(),
            jobs: JobSettings::default(),
            uploads: UploadSettings::default(),
            instance_name: None,
            instance: None,
        }
    }
}
