//! The rooms, who plays where, and who looks for an opponent: in this process, in Redis for all instances, or on
//! the way from the one to the other (`migrating`).
//!
//! At home in Redis (`shared`), every change is a compare-and-set of one key, and this process keeps a copy of
//! the rooms that it serves. While Redis is away the copy serves (`alone`), and what changed is owed (`repair`).

mod follow;
mod local;
mod meeting;
mod merge;
mod migrating;
mod repair;
mod seats;
mod shared;
mod stored;

use std::sync::{Arc, Mutex};

pub use follow::follow;
pub use local::{ActiveChessGames, ChessGameStates};
use meeting::{Heard, News};
pub use meeting::{Meeting, STATES, instance_key};
pub use merge::Kept;
pub use migrating::Migrating;
pub use repair::{keep_repaired, sweep};
pub use shared::Shared;
pub use stored::RoomCodec;

use super::chess;
use super::live::lock;
use super::presence::UserSocketMap;
use super::reply::EventError;
use crate::app::App;
use crate::chess::{Matchmaker, Occupant, Room, RoomError, TimeControl};
use crate::domain::{RoomId, Timestamp};

/// All games that this process knows, and the way to the others.
pub struct Games {
    /// `chessGameStates`: all rooms, or the copies of those in Redis that were served here.
    pub rooms: ChessGameStates,
    /// `activeChessGames`.
    active: ActiveChessGames,
    matchmaker: Mutex<Matchmaker>,
    users: Arc<UserSocketMap>,
    home: Home,
}

/// Where the rooms are at home.
pub enum Home {
    /// Here alone.
    Here,
    /// In Redis, for all instances.
    Redis(Shared),
    /// Wherever the operator's migration has brought them.
    Migrating(Migrating),
}

/// Whether a handler sees the room's true state. A copy may lack what another instance did since.
pub type Certain = bool;

impl Games {
    /// No games yet.
    pub fn new(users: Arc<UserSocketMap>, home: Home) -> Self {
        let (rooms, active) = (ChessGameStates::default(), ActiveChessGames::default());
        Self { rooms, active, matchmaker: Mutex::default(), users, home }
    }

    /// Whether an event may have to wait for others than this process.
    pub fn may_wait(&self) -> bool {
        !matches!(self.home, Home::Here)
    }

    /// Where the rooms are, when they are in Redis.
    pub fn shared(&self) -> Option<&Shared> {
        if let Home::Redis(shared) = &self.home { Some(shared) } else { None }
    }

    /// Where the rooms are, when they move.
    pub fn migrating(&self) -> Option<&Migrating> {
        if let Home::Migrating(migrating) = &self.home { Some(migrating) } else { None }
    }

    /// Where the instances meet, when they share their rooms.
    fn meeting(&self) -> Option<&Meeting> {
        match &self.home {
            Home::Here => None,
            Home::Redis(shared) => Some(&shared.meeting),
            Home::Migrating(migrating) => (!migrating.migration.is_alone()).then_some(&migrating.meeting),
        }
    }

    /// Players that wait here.
    pub fn waiting(&self) -> usize {
        lock(&self.matchmaker).len() + self.meeting().map_or(0, Meeting::seeking)
    }

    /// Opens a room under a code that no other room has.
    pub async fn open(
        &self,
        white: Occupant,
        control: Option<TimeControl>,
        now: Timestamp,
    ) -> Result<Room, EventError> {
        let (room, _) = self.rooms.open(white, control, now);
        match &self.home {
            Home::Here => {}
            Home::Redis(shared) => {
                let stored = shared.store_new(&self.rooms, room.id()).await;
                stored.unwrap_or_else(|_| shared.owe(room.id()));
            }
            Home::Migrating(migrating) => {
                let stored = migrating.store_new(&self.rooms, room.id()).await;
                stored.inspect_err(|_| self.rooms.drop_copy(room.id()))?;
            }
        }
        Ok(self.rooms.get(room.id()).map_or(room, |kept| kept.room))
    }

    /// The room that a code leads to.
    pub async fn find(&self, code: &str) -> Result<RoomId, EventError> {
        let here = self.rooms.find(code);
        match (self.meeting(), here) {
            (Some(meeting), Err(RoomError::Unknown)) => match code.parse() {
                Ok(code) => {
                    let found = meeting.find(code).await.map_err(|_| EventError::unavailable())?;
                    Ok(found.ok_or(RoomError::Unknown)?)
                }
                Err(_) => Err(RoomError::Unknown.into()),
            },
            (_, here) => Ok(here?),
        }
    }

    /// A room as it is now; as this process last saw it while Redis is away.
    pub async fn look(&self, room: RoomId) -> Result<Room, RoomError> {
        let stored = match &self.home {
            Home::Here => None,
            Home::Redis(shared) => shared.load(room).await.ok().flatten(),
            Home::Migrating(migrating) => match migrating.load(room).await {
                Ok(found) => return found.map(|kept| kept.room.clone()).ok_or(RoomError::Unknown),
                Err(_) => None,
            },
        };
        let kept = self.rooms.get(room);
        let truer = match (stored, kept) {
            (Some(stored), Some(kept)) if kept.is_truer_than(&stored) => Some(kept),
            (stored, kept) => stored.or(kept),
        };
        truer.map(|kept| kept.room).ok_or(RoomError::Unknown)
    }

    /// Does something with a room. It may be done again when another instance was faster, so it must do nothing
    /// but change the room.
    pub async fn with<T: Send>(
        &self,
        room: RoomId,
        mut act: impl FnMut(&mut Room, Certain) -> Result<T, RoomError> + Send,
    ) -> Result<T, EventError> {
        match &self.home {
            Home::Here => Ok(self.rooms.with(room, |room| act(room, true))?),
            Home::Redis(shared) => match shared.with(&self.rooms, room, &mut act).await {
                Ok(done) => {
                    if done.is_ok() {
                        self.announce(&shared.meeting, room);
                    }
                    done
                }
                Err(_) => self.alone(shared, room, act),
            },
            Home::Migrating(migrating) => {
                let done = migrating.with(room, &mut act).await?;
                self.after(room, done)
            }
        }
    }

    /// A room in the map was used: the copy here follows, and those of others.
    fn after<T>(&self, room: RoomId, done: Result<(T, Kept), RoomError>) -> Result<T, EventError> {
        match done {
            Ok((value, kept)) => {
                self.rooms.keep(kept);
                if let Some(meeting) = self.meeting() {
                    self.announce(meeting, room);
                }
                Ok(value)
            }
            Err(refused) => {
                if refused == RoomError::Unknown {
                    self.rooms.drop_copy(room);
                }
                Err(refused.into())
            }
        }
    }

    /// Redis is away. Where both players sit here, this copy is all there is to know; elsewhere another
    /// instance may know better, so that a refusal is not for ever.
    fn alone<T>(
        &self,
        shared: &Shared,
        id: RoomId,
        mut act: impl FnMut(&mut Room, Certain) -> Result<T, RoomError>,
    ) -> Result<T, EventError> {
        if self.rooms.get(id).is_none() {
            return Err(EventError::unavailable());
        }
        let mut certain = true;
        let done = self.rooms.with(id, |room| {
            certain = self.sit_here(room);
            act(room, certain)
        });
        match done {
            Ok(value) => {
                shared.owe(id);
                self.announce(&shared.meeting, id);
                Ok(value)
            }
            Err(refused) if certain => Err(refused.into()),
            Err(_) => Err(EventError::unavailable()),
        }
    }

    /// Another instance has changed a room, or cannot tell which ones it has changed.
    pub fn hear(&self, app: &App, message: &[u8]) {
        match self.meeting().and_then(|meeting| meeting.hear(&self.rooms, message)) {
            Some(Heard::Repaired(room)) => chess::tell_state(app, room),
            Some(Heard::Lost) => app.live.missed.notify_one(),
            None => {}
        }
    }

    /// Tells the other instances that messages of this one were lost.
    pub fn confess(&self) {
        if let Some(meeting) = self.meeting() {
            meeting.confess();
        }
    }

    /// The opponent's instance need not find out by itself that the room has changed.
    fn announce(&self, meeting: &Meeting, room: RoomId) {
        if let Some(kept) = self.rooms.get(room)
            && !self.sit_here(&kept.room)
        {
            meeting.announce(&kept, News::Changed);
        }
    }

    /// Whether all players of a room have their sockets here.
    fn sit_here(&self, room: &Room) -> bool {
        let is_here = |player: &Occupant| self.users.has(player.person.id, player.socket);
        is_here(room.creator()) && room.players().is_none_or(|(_, black)| is_here(black))
    }
}
