//! What this process knows of its sockets and games. Each map is small, typed and alone behind its lock, and
//! named as in the applications that scalectl migrates: these are the maps that later move to Redis.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;

use super::presence::UserSocketMap;
use crate::app::App;
use crate::chess::{Ended, Matchmaker, Occupant, Room, RoomCode, RoomError, TimeControl};
use crate::domain::{RoomId, Timestamp, UserId};
use crate::telemetry::Sampled;

/// All live state of one process.
#[derive(Default)]
pub struct Live {
    /// `userSocketMap`.
    pub users: UserSocketMap,
    /// `chessGameStates`.
    pub games: ChessGameStates,
    /// `activeChessGames`.
    pub active: ActiveChessGames,
    matchmaker: Mutex<Matchmaker>,
    announcing: Mutex<()>,
}

impl Live {
    /// The players that look for an opponent.
    pub fn matchmaker(&self) -> MutexGuard<'_, Matchmaker> {
        lock(&self.matchmaker)
    }

    /// The turn to tell whether a user is there.
    pub fn announcing(&self) -> MutexGuard<'_, ()> {
        lock(&self.announcing)
    }
}

impl App {
    /// Rooms of this process: other instances are not asked.
    fn socket_rooms(&self) -> usize {
        let rooms = self.io.local().rooms().now_or_never();
        rooms.and_then(Result::ok).map_or(0, |rooms| rooms.len())
    }

    /// Counts for the metrics.
    pub fn sample(&self) -> Sampled {
        let (rooms, games) = self.live.games.count();
        self.telemetry.cache_entries(self.cache.len());
        Sampled {
            connections: self.open_connections(),
            sockets: self.live.users.sockets(),
            socket_rooms: self.socket_rooms(),
            rooms,
            games,
            waiting: self.live.matchmaker().len(),
        }
    }
}

/// Rooms by id, and their codes.
#[derive(Default)]
pub struct ChessGameStates {
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    by_id: HashMap<RoomId, Room>,
    by_code: HashMap<RoomCode, RoomId>,
}

impl ChessGameStates {
    /// Opens a room under a code that no other room has.
    pub fn open(&self, white: Occupant, control: Option<TimeControl>, now: Timestamp) -> (RoomId, RoomCode) {
        let mut rooms = lock(&self.rooms);
        let mut code = RoomCode::random();
        while rooms.by_code.contains_key(&code) {
            code = RoomCode::random();
        }
        let room = Room::new(code, white, control, now);
        let id = room.id();
        rooms.by_code.insert(code, id);
        rooms.by_id.insert(id, room);
        (id, code)
    }

    /// The room that a code leads to.
    pub fn find(&self, code: &str) -> Result<RoomId, RoomError> {
        let code = code.parse().map_err(|_| RoomError::Unknown)?;
        lock(&self.rooms).by_code.get(&code).copied().ok_or(RoomError::Unknown)
    }

    /// Does something with a room. Nobody else uses any room meanwhile: keep it short.
    pub fn with<T>(
        &self,
        room: RoomId,
        act: impl FnOnce(&mut Room) -> Result<T, RoomError>,
    ) -> Result<T, RoomError> {
        let mut rooms = lock(&self.rooms);
        act(rooms.by_id.get_mut(&room).ok_or(RoomError::Unknown)?)
    }

    /// Takes out the rooms that have expired.
    pub fn sweep(&self, now: Timestamp, room_ttl: Duration, orphan_ttl: Duration) -> Vec<Room> {
        let mut rooms = lock(&self.rooms);
        let expired: Vec<Room> = rooms
            .by_id
            .extract_if(|_, room| room.is_expired(now, room_ttl, orphan_ttl))
            .map(|(_, r)| r)
            .collect();
        for room in &expired {
            rooms.by_code.remove(&room.code());
        }
        expired
    }

    /// Ends the games of which a player's time is up.
    pub fn call_flags(&self, now: Timestamp) -> Vec<(Room, Ended)> {
        let mut rooms = lock(&self.rooms);
        let flagged = |room: &mut Room| room.call_flag(now).map(|ended| (room.clone(), ended));
        rooms.by_id.values_mut().filter_map(flagged).collect()
    }

    /// Rooms, and those of them with a running game.
    pub fn count(&self) -> (usize, usize) {
        let rooms = lock(&self.rooms);
        let runs = |room: &&Room| room.players().is_some() && room.game().ended().is_none();
        (rooms.by_id.len(), rooms.by_id.values().filter(runs).count())
    }
}

/// The room that each player was last in.
#[derive(Default)]
pub struct ActiveChessGames {
    rooms: Mutex<HashMap<UserId, RoomId>>,
}

impl ActiveChessGames {
    /// Notes where a player is now; tells where the player was before.
    pub fn enter(&self, user: UserId, room: RoomId) -> Option<RoomId> {
        lock(&self.rooms).insert(user, room).filter(|before| *before != room)
    }

    /// Where a player is.
    pub fn get(&self, user: UserId) -> Option<RoomId> {
        lock(&self.rooms).get(&user).copied()
    }

    /// Forgets that a player is in this room.
    pub fn leave(&self, user: UserId, room: RoomId) {
        let mut rooms = lock(&self.rooms);
        if rooms.get(&user) == Some(&room) {
            rooms.remove(&user);
        }
    }
}

/// No critical section here can leave a map half-changed, so a panic elsewhere in it does no harm.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::tests::occupant;

    #[test]
    fn a_room_is_found_by_its_code_until_it_expires() {
        let (games, now) = (ChessGameStates::default(), Timestamp::now());
        let (id, code) = games.open(occupant("ada"), None, now);
        assert_eq!(games.find(&code.to_string().to_lowercase()), Ok(id));
        assert_eq!(games.count(), (1, 0));
        let ttl = Duration::from_secs(3_600);
        let later = Timestamp::from_millis(now.millis() + 3_600_000);
        assert!(games.sweep(now, ttl, ttl).is_empty());
        assert_eq!(games.sweep(later, ttl, ttl).len(), 1);
        assert_eq!(games.find(&code.to_string()), Err(RoomError::Unknown));
        assert_eq!(games.with(id, |_| Ok(())), Err(RoomError::Unknown));
    }

    #[test]
    fn a_game_whose_time_is_up_is_found_once() {
        let (games, now, white) = (ChessGameStates::default(), Timestamp::now(), occupant("ada"));
        let (id, _) = games.open(white.clone(), TimeControl::new(10, 0).ok(), now);
        let begun = games.with(id, |room| {
            room.join(occupant("bob"), now)?;
            room.play(white.person.id, "e2e4", now)
        });
        assert!(begun.is_ok() && games.call_flags(now).is_empty());
        let later = Timestamp::from_millis(now.millis() + 10_000);
        assert_eq!(games.call_flags(later).len(), 1);
        assert_eq!((games.call_flags(later).len(), games.count()), (0, (1, 0)));
    }

    #[test]
    fn only_the_room_that_a_player_is_in_is_left() {
        let (active, user) = (ActiveChessGames::default(), UserId::new());
        let (old, new) = (RoomId::new(), RoomId::new());
        assert_eq!(active.enter(user, old), None);
        assert_eq!(active.enter(user, new), Some(old));
        active.leave(user, old);
        assert_eq!(active.get(user), Some(new));
        active.leave(user, new);
        assert_eq!(active.get(user), None);
    }
}
