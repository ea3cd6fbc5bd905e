//! What this process knows of its sockets and games.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::Notify;

use super::games::{Games, Home, Meeting, Migrating, Shared};
use super::migration::Migration;
use super::presence::{MigratingPresence, Presence, SharedPresence, UserSocketMap};
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
    /// Who is online at any instance.
    pub presence: Presence,
    /// Rooms and players.
    pub games: Games,
    /// The maps on their way, when the settings say that they move.
    pub migration: Option<Arc<Migration>>,
    /// Messages of other instances may have been missed.
    pub missed: Notify,
    announcing: Mutex<()>,
}

impl Live {
    /// Nobody and nothing yet.
    pub fn new(config: &Config, redis: Option<&Arc<Redis>>, migration: Option<Arc<Migration>>) -> Self {
        let instance: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let in_redis = config.redis.as_ref().is_some_and(|settings| settings.state == StateHome::Redis);
        let users = Arc::new(UserSocketMap::default());
        let (home, presence) = match (redis, &migration) {
            (Some(redis), Some(migration)) => migrating(config, redis, &instance, migration, &users),
            (Some(redis), None) if in_redis => shared(config, redis, &instance),
            _ => (Home::Here, Presence::Here),
        };
        Self {
            games: Games::new(Arc::clone(&users), home),
            users,
            presence,
            migration,
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

fn shared(config: &Config, redis: &Arc<Redis>, instance: &Arc<str>) -> (Home, Presence) {
    let meeting = Meeting::new(Arc::clone(redis), Arc::clone(instance), config.room_ttl);
    let presence = SharedPresence::new(Arc::clone(redis), Arc::clone(instance));
    (Home::Redis(Shared::new(meeting, config)), Presence::Redis(presence))
}

fn migrating(
    config: &Config,
    redis: &Arc<Redis>,
    instance: &Arc<str>,
    migration: &Arc<Migration>,
    users: &Arc<UserSocketMap>,
) -> (Home, Presence) {
    let meeting = Meeting::new(Arc::clone(redis), Arc::clone(instance), config.room_ttl);
    let presence = MigratingPresence::new(
        Arc::clone(migration),
        Arc::clone(users),
        Arc::clone(redis),
        Arc::clone(instance),
    );
    let games = Migrating::new(meeting, Arc::clone(migration), config);
    (Home::Migrating(games), Presence::Migrating(presence))
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
            migration: self.live.migration.as_ref().map(|migration| migration.status()),
        }
    }
}

/// No critical section here can leave a map half-changed, so a panic elsewhere in it does no harm.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
