//! What a server is started with. Every value has a default that suits one small machine; every scaling step
//! is off by default, so that its effect can be measured by switching it on.

mod cache;
mod http;
mod jobs;
mod rate;
mod redis;
mod security;
mod socket;
mod store;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

pub use cache::CacheSettings;
pub use http::{Compression, HttpSettings};
pub use jobs::{JobMode, JobSettings};
pub use rate::{Limit, RateLimits, RateScope};
pub use redis::{RedisSettings, StateHome};
pub use security::{PasswordCost, SecuritySettings, SessionCookies};
pub use socket::SocketSettings;
pub use store::{Durability, MongoSettings, ReadFrom, StoreHome, StoreSettings};
pub use upload::UploadSettings;

/// Settings of one server process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of everything that the process keeps on disk: the embedded store, uploads, the mail outbox.
    pub data: PathBuf,
    /// Connections served at the same time. More are answered with 503 and `Retry-After`.
    pub max_connections: usize,
    /// Time that requests and sockets get to end after the shutdown future resolves; then they are cut.
    pub drain_deadline: Duration,
    /// Time that a chess room lives after its last move or visitor.
    pub room_ttl: Duration,
    /// Time that a room is kept once it has ended or everybody has left it.
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("scalectl-data"),
            max_connections: 10_000,
            drain_deadline: Duration::from_secs(10),
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
        }
    }
}
