//! Rooms and players in maps that move: in phase `off` this process's memory, from `dual` on for all instances.
//!
//! The maps have the truth. Beside them this process keeps copies of the rooms that it served, as it does when
//! they are at home in Redis: they say which codes, clocks and ages are to be looked after here. Codes and those
//! who wait for an opponent are no part of the migration: they are this process's own in `off`, and from `dual`
//! on in Redis (`meeting`), so that players at two instances find each other in each phase after that. Without
//! Redis they are local again until it is back; a code that was not told is told then (`follow`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use state_map::{Change, Refused, Service};

use super::local::ChessGameStates;
use super::meeting::Meeting;
use super::{Certain, Kept};
use crate::chess::{Room, RoomError};
use crate::config::Config;
use crate::domain::{RoomId, Timestamp, UserId};
use crate::socket::live::lock;
use crate::socket::migration::Migration;
use crate::socket::reply::EventError;

/// Time beyond a room's own that its value lives: the sweep, which also tells its players, comes first.
const GRACE: Duration = Duration::from_secs(30);

/// The home that moves.
pub struct Migrating {
    /// Codes, players who wait, and news.
    pub meeting: Meeting,
    /// The maps.
    pub migration: Arc<Migration>,
    room_ttl: Duration,
    orphan_ttl: Duration,
    owed: Mutex<HashMap<UserId, Seat>>,
}

/// What `activeChessGames` has not been told of a player.
#[derive(Clone, Copy)]
enum Seat {
    In(RoomId),
    NotIn(RoomId),
}

/// What an old room turned out to be.
pub enum Aged {
    /// It is no more.
    Gone,
    /// It has been used since.
    Lives(Box<Kept>),
}

impl Migrating {
    /// The home of these maps.
    pub fn new(meeting: Meeting, migration: Arc<Migration>, config: &Config) -> Self {
        let Config { room_ttl, orphan_ttl, .. } = *config;
        Self { meeting, migration, room_ttl, orphan_ttl, owed: Mutex::default() }
    }

    /// Whether a room is this instance's to look after: it has the room, or nobody has it more than others.
    pub fn looks_after(&self, room: RoomId) -> bool {
        let is_anyones = self.migration.phase().service() == Service::Redis;
        is_anyones || self.migration.rooms.peek(&room.to_string()).is_some()
    }

    /// Puts a new room into the map, from `dual` on under a code that no other instance has.
    pub async fn store_new(&self, rooms: &ChessGameStates, room: RoomId) -> Result<(), EventError> {
        if !self.migration.is_alone() {
            // Without Redis the code leads here only, until it is told.
            let _ = self.meeting.take_code(rooms, room).await;
        }
        let Some(kept) = rooms.get(room) else { return Ok(()) };
        let new = Kept { room: kept.room, version: 1, ahead: 0 };
        self.migration.rooms.insert_new(&room.to_string(), new.clone(), Some(self.life())).await?;
        rooms.keep(new);
        Ok(())
    }

    /// A room as it is now.
    pub async fn load(&self, room: RoomId) -> Result<Option<Arc<Kept>>, Refused> {
        self.migration.rooms.get(&room.to_string()).await
    }

    /// Changes a room: what came of it, and the room after it.
    pub async fn with<T: Send>(
        &self,
        id: RoomId,
        act: &mut (impl FnMut(&mut Room, Certain) -> Result<T, RoomError> + Send),
    ) -> Result<Result<(T, Kept), RoomError>, Refused> {
        let life = self.life();
        let change = |kept: Option<&Kept>| {
            let Some(kept) = kept else { return (Change::Keep, Err(RoomError::Unknown)) };
            let mut room = kept.room.clone();
            match act(&mut room, true) {
                Err(refused) => (Change::Keep, Err(refused)),
                Ok(value) => {
                    let next = Kept { room, version: kept.version + 1, ahead: 0 };
                    (Change::Set(next.clone(), Some(life)), Ok((value, next)))
                }
            }
        };
        self.migration.rooms.update(&id.to_string(), change).await
    }

    /// Deletes a room that has outlived its use, unless somebody has used it meanwhile.
    pub async fn expire(&self, room: RoomId, now: Timestamp) -> Result<Aged, Refused> {
        let change = |kept: Option<&Kept>| match kept {
            None => (Change::Keep, Aged::Gone),
            Some(kept) if kept.room.is_expired(now, self.room_ttl, self.orphan_ttl) => {
                (Change::Delete, Aged::Gone)
            }
            Some(kept) => (Change::Keep, Aged::Lives(Box::new(kept.clone()))),
        };
        self.migration.rooms.update(&room.to_string(), change).await
    }

    /// Where a player is from now on, and where the player was. Owed, when that cannot be noted now: it follows
    /// from the room.
    pub async fn enter(&self, user: UserId, room: RoomId) -> Result<Option<RoomId>, Refused> {
        let lease = Duration::from_millis(self.meeting.lease());
        let change = |before: Option<&RoomId>| (Change::Set(room, Some(lease)), before.copied());
        let entered = self.migration.active.update(&user.to_string(), change).await;
        self.settle(user, Seat::In(room), entered.is_ok());
        entered
    }

    /// A player is not in this room any more.
    pub async fn leave(&self, user: UserId, room: RoomId) {
        let change = |now: Option<&RoomId>| match now {
            Some(now) if *now == room => (Change::Delete, ()),
            _ => (Change::Keep, ()),
        };
        let left = self.migration.active.update(&user.to_string(), change).await;
        self.settle(user, Seat::NotIn(room), left.is_ok());
    }

    fn settle(&self, user: UserId, seat: Seat, is_noted: bool) {
        let mut owed = lock(&self.owed);
        if is_noted {
            owed.remove(&user);
        } else {
            owed.insert(user, seat);
        }
    }

    /// Notes what could not be noted before.
    pub async fn pay(&self) {
        let owed: Vec<(UserId, Seat)> = lock(&self.owed).iter().map(|(user, seat)| (*user, *seat)).collect();
        for (user, seat) in owed {
            match seat {
                Seat::In(room) => drop(self.enter(user, room).await),
                Seat::NotIn(room) => self.leave(user, room).await,
            }
        }
    }

    /// Keeps what leads to a room as long as the room.
    pub async fn renew(&self, room: &Room) {
        if !self.migration.is_alone() {
            // What fails is renewed in time: a code lives twice as long as its room.
            let _ = self.meeting.redis().each("room_renew", vec![self.meeting.renewal(room)]).await;
        }
        if room.game().ended().is_some() {
            return;
        }
        let black = room.players().map(|(_, black)| black.person.id);
        for player in [room.creator().person.id].into_iter().chain(black) {
            self.stay(player, room.id()).await;
        }
    }

    async fn stay(&self, user: UserId, room: RoomId) {
        let lease = Duration::from_millis(self.meeting.lease());
        let change = |now: Option<&RoomId>| match now {
            Some(now) if *now != room => (Change::Keep, ()),
            _ => (Change::Set(room, Some(lease)), ()),
        };
        // The next renewal comes before the lease is over.
        let _ = self.migration.active.update(&user.to_string(), change).await;
    }

    fn life(&self) -> Duration {
        self.room_ttl.saturating_add(GRACE)
    }
}
