//! What all requests and sockets of one server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use socketioxide::operators::BroadcastOperators;
use socketioxide::socket::Sid;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::cache::Cache;
use crate::config::Config;
use crate::http::Origins;
use crate::jobs::Jobs;
use crate::rate::Limiter;
use crate::redis::Redis;
use crate::security::{Passwords, Tokens};
use crate::socket::{Adapter, Io, Live, Migration, SocketRef};
use crate::store::Store;
use crate::telemetry::Telemetry;

/// One server's parts.
pub struct App {
    /// What it was started with.
    pub config: Config,
    /// Durable data.
    pub store: Arc<dyn Store>,
    /// Access tokens.
    pub tokens: Tokens,
    /// Origins whose pages may call.
    pub origins: Origins,
    /// Password hashes.
    pub passwords: Passwords,
    /// Measurements.
    pub telemetry: Arc<Telemetry>,
    /// Sockets, rooms and games in this process.
    pub live: Live,
    /// Redis, when the settings name one.
    pub redis: Option<Arc<Redis>>,
    /// Copies of responses.
    pub cache: Cache,
    /// What one client may do in a while.
    pub limiter: Limiter,
    /// Background jobs.
    pub jobs: Jobs,
    /// Emits to sockets.
    pub io: Io,
    /// Socket events whose answer waits for the store.
    pub events: TaskTracker,
    /// One permit for each connection that may still come.
    pub places: Arc<Semaphore>,
    /// When it was started.
    pub started: Instant,
    draining: AtomicBool,
}

/// What the settings alone do not make.
pub struct Parts {
    /// See [`App::store`].
    pub store: Arc<dyn Store>,
    /// See [`App::tokens`].
    pub tokens: Tokens,
    /// See [`App::origins`].
    pub origins: Origins,
    /// See [`App::passwords`].
    pub passwords: Passwords,
    /// See [`App::telemetry`].
    pub telemetry: Arc<Telemetry>,
    /// See [`App::redis`].
    pub redis: Option<Arc<Redis>>,
    /// Maps on their way to Redis, when the settings say that they move.
    pub migration: Option<Arc<Migration>>,
    /// See [`App::jobs`].
    pub jobs: Jobs,
    /// See [`App::io`].
    pub io: Io,
}

impl App {
    /// Puts the parts together.
    pub fn new(config: Config, parts: Parts) -> Arc<Self> {
        let Parts { store, tokens, origins, passwords, telemetry, redis, migration, jobs, io } = parts;
        let (live, events) = (Live::new(&config, redis.as_ref(), migration), TaskTracker::new());
        let (started, draining) = (Instant::now(), AtomicBool::new(false));
        let places = Arc::new(Semaphore::new(config.max_connections));
        let limiter = Limiter::new(config.rate_limits.clone(), redis.clone(), Arc::clone(&telemetry));
        let cache = Cache::new(&config.cache, redis.clone(), &telemetry);
        Arc::new(Self {
            config,
            store,
            tokens,
            origins,
            passwords,
            telemetry,
            live,
            redis,
            cache,
            limiter,
            jobs,
            io,
            events,
            places,
            started,
            draining,
        })
    }

    /// Connections that hold a place now.
    pub fn open_connections(&self) -> usize {
        self.config.max_connections - self.places.available_permits()
    }

    /// All sockets, to choose from; nothing, once the server has closed them.
    pub fn sockets(&self) -> Option<BroadcastOperators<Adapter>> {
        self.io.of("/")
    }

    /// A socket of this instance.
    pub fn socket(&self, socket: Sid) -> Option<SocketRef> {
        self.sockets()?.get_socket(socket)
    }

    /// Whether the server is on its way out.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From now on `/ready` sends traffic elsewhere.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
