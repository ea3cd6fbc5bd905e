//! Rooms and players in this process. Each map is small, typed and alone behind its lock, and named as in the
//! applications that scalectl migrates: these are the maps that move to Redis.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::Kept;
use crate::chess::{Occupant, Room, RoomCode, RoomError, TimeControl};
use crate::domain::{RoomId, Timestamp, UserId};
use crate::socket::live::lock;

/// Rooms by id, and their codes.
#[derive(Default)]
pub struct ChessGameStates {
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    by_id: HashMap<RoomId, Kept>,
    by_code: HashMap<RoomCode, RoomId>,
}

impl Rooms {
    fn insert(&mut self, kept: Kept) {
        self.by_code.insert(kept.room.code(), kept.room.id());
        self.by_id.insert(kept.room.id(), kept);
    }

    fn remove(&mut self, room: RoomId) -> Option<Kept> {
        let kept = self.by_id.remove(&room)?;
        self.by_code.remove(&kept.room.code());
        Some(kept)
    }
}

impl ChessGameStates {
    /// Opens a room under a code that no other room has.
    pub fn open(&self, white: Occupant, control: Option<TimeControl>, now: Timestamp) -> (Room, RoomCode) {
        let mut rooms = lock(&self.rooms);
        let mut code = RoomCode::random();
        while rooms.by_code.contains_key(&code) {
            code = RoomCode::random();
        }
        let room = Room::new(code, white, control, now);
        rooms.insert(Kept::new(room.clone()));
        (room, code)
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
        let kept = rooms.by_id.get_mut(&room).ok_or(RoomError::Unknown)?;
        let done = act(&mut kept.room)?;
        kept.ahead += 1;
        Ok(done)
    }

    /// A copy of a room.
    pub fn get(&self, room: RoomId) -> Option<Kept> {
        lock(&self.rooms).by_id.get(&room).cloned()
    }

    /// Keeps what Redis has of a room now, unless this process knows better. Tells whether that was news.
    pub fn keep(&self, stored: Kept) -> bool {
        let mut rooms = lock(&self.rooms);
        if let Some(kept) = rooms.by_id.get_mut(&stored.room.id()) {
            if kept.is_truer_than(&stored) {
                kept.version = stored.version;
                return false;
            }
            if !stored.is_truer_than(kept) && (kept.version, kept.ahead) == (stored.version, 0) {
                return false;
            }
        }
        rooms.insert(stored);
        true
    }

    /// Takes over what another instance says of a room of which there is a copy here, if it is news.
    pub fn hear(&self, said: Kept) -> bool {
        let mut rooms = lock(&self.rooms);
        let is_news = rooms.by_id.get(&said.room.id()).is_some_and(|kept| said.is_truer_than(kept));
        if is_news {
            rooms.insert(said);
        }
        is_news
    }

    /// Gives a room another code.
    pub fn recode(&self, room: RoomId, code: RoomCode) {
        let mut rooms = lock(&self.rooms);
        if let Some(mut kept) = rooms.remove(room) {
            kept.room.recode(code);
            rooms.insert(kept);
        }
    }

    /// Drops the copy of a room.
    pub fn drop_copy(&self, room: RoomId) {
        lock(&self.rooms).remove(room);
    }

    /// All rooms.
    pub fn ids(&self) -> Vec<RoomId> {
        lock(&self.rooms).by_id.keys().copied().collect()
    }

    /// The rooms that have expired.
    pub fn expired(&self, now: Timestamp, room_ttl: Duration, orphan_ttl: Duration) -> Vec<Kept> {
        let is_expired = |kept: &&Kept| kept.room.is_expired(now, room_ttl, orphan_ttl);
        lock(&self.rooms).by_id.values().filter(is_expired).cloned().collect()
    }

    /// The games of which a player's time seems to be up.
    pub fn flagged(&self, now: Timestamp) -> Vec<RoomId> {
        let rooms = lock(&self.rooms);
        let is_out = |(id, kept): (&RoomId, &Kept)| kept.room.is_out_of_time(now).then_some(*id);
        rooms.by_id.iter().filter_map(is_out).collect()
    }

    /// Rooms, and those of them with a running game.
    pub fn count(&self) -> (usize, usize) {
        let rooms = lock(&self.rooms);
        let runs = |kept: &&Kept| kept.room.players().is_some() && kept.room.game().ended().is_none();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::tests::occupant;

    #[test]
    fn a_room_is_found_by_its_code_until_it_expires() {
        let (games, now) = (ChessGameStates::default(), Timestamp::now());
        let (room, code) = games.open(occupant("ada"), None, now);
        let id = room.id();
        assert_eq!(games.find(&code.to_string().to_lowercase()), Ok(id));
        assert_eq!(games.count(), (1, 0));
        let ttl = Duration::from_secs(3_600);
        let later = Timestamp::from_millis(now.millis() + 3_600_000);
        assert!(games.expired(now, ttl, ttl).is_empty());
        assert_eq!(games.expired(later, ttl, ttl).len(), 1);
        games.drop_copy(id);
        assert_eq!(games.find(&code.to_string()), Err(RoomError::Unknown));
        assert_eq!(games.with(id, |_| Ok(())), Err(RoomError::Unknown));
    }

    #[test]
    fn a_game_whose_time_is_up_is_found_once() {
        let (games, now, white) = (ChessGameStates::default(), Timestamp::now(), occupant("ada"));
        let (room, _) = games.open(white.clone(), TimeControl::new(10, 0).ok(), now);
        let begun = games.with(room.id(), |room| {
            room.join(occupant("bob"), now)?;
            room.play(white.person.id, "e2e4", now)
        });
        assert!(begun.is_ok() && games.flagged(now).is_empty());
        let later = Timestamp::from_millis(now.millis() + 10_000);
        assert_eq!(games.flagged(later), [room.id()]);
        let ended = games.with(room.id(), |room| Ok(room.call_flag(later)));
        assert!(matches!(ended, Ok(Some(_))));
        assert_eq!((games.flagged(later).len(), games.count()), (0, (1, 0)));
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
