//! What this process knows of its sockets and games.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::Notify;

use super::games::{Games, Shared};
use super::presence::{SharedPresence, UserSocketMap};
use crate::app::App;
use crate::config::{Config, StateHome};
use crate::redis::Redis;
use crate::telemetry::Sampled;

/// All live state of one process.
pub struct Live {
    /// Tells this instance from the others.
    pub instance: Arc<str>,
    /// `userSocketMap`.
    pub users: Arc<UserSocketMap>,
    /// Who is online at any instance, when presence is in Redis.
    pub presence: Option<SharedPresence>,
    /// Rooms and players.
    pub games: Games,
    /// Messages of other instances may have been missed.
    pub missed: Notify,
    announcing: Mutex<()>,
}

impl Live {
    /// Nobody and nothing yet.
    pub fn new(config: &Config, redis: Option<&Arc<Redis>>) -> Self {
        let instance: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let in_redis = config.redis.as_ref().is_some_and(|settings| settings.state == StateHome::Redis);
        let redis = redis.filter(|_| in_redis);
        let users = Arc::new(UserSocketMap::default());
        let shared = redis.map(|redis| Shared::new(Arc::clone(redis), Arc::clone(&instance), config));
        let presence = redis.map(|redis| SharedPresence::new(Arc::clone(redis), Arc::clone(&instance)));
        Self {
            games: Games::new(Arc::clone(&users), shared),
            users,
            presence,
            instance,
            missed: Notify::new(),
            announcing: Mutex::default(),
        }
    }

    /// The turn to tell whether a user is there.
    pub fn announcing(&self) -> MutexGuard<'_, ()> {
        lock(&self.announcing)
    }
}

impl App {
    /// Rooms of this process: other instances are not asked.
    fn socket_rooms(&self) -> usize {
        let rooms = self.sockets().and_then(|sockets| sockets.local().rooms().now_or_never());
        rooms.and_then(Result::ok).map_or(0, |rooms| rooms.len())
    }

    /// Counts for the metrics.
    pub fn sample(&self) -> Sampled {
        let (rooms, games) = self.live.games.rooms.count();
        self.telemetry.cache_entries(self.cache.len());
        Sampled {
            connections: self.open_connections(),
            sockets: self.live.users.sockets(),
            socket_rooms: self.socket_rooms(),
            rooms,
            games,
            waiting: self.live.games.waiting(),
        }
    }
}

/// No critical section here can leave a map half-changed, so a panic elsewhere in it does no harm.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
