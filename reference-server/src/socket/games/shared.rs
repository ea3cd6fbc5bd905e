//! Rooms and players in Redis, for all instances.
//!
//! | key | value |
//! |---|---|
//! | `chessGameState:<roomId>` | JSON of the room, `version` first |
//! | `chessRoomCode:<code>`, `activeChessGame:<userId>` | the room |
//! | `chessWaiting` | sorted set of waiting players, by arrival |
//! | `instance:<id>` | there while the instance is |
//!
//! Every script touches one key, so that all of it works in a Cluster.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use redis::{Script, cmd};

use super::local::ChessGameStates;
use super::meeting::{FORGET, Meeting, lead, millis};
use super::stored::Stored;
use super::{Certain, Kept};
use crate::chess::{Room, RoomError};
use crate::config::Config;
use crate::domain::{RoomId, Timestamp, UserId};
use crate::redis::{Redis, Unavailable};
use crate::socket::live::lock;
use crate::socket::reply::EventError;

/// Attempts to change a room that others change too.
const ATTEMPTS: usize = 16;

/// Writes where the version is the expected one, else tells what is there.
static SET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r#"local now = redis.call('GET', KEYS[1])
        local version = 0
        if now then version = tonumber(string.match(now, '^{"version":(%d+)') or cjson.decode(now).version) end
        if version ~= tonumber(ARGV[1]) then return {0, now} end
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        return {1, false}"#,
    )
});

/// Deletes where the version is still this one.
static DELETE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r#"local now = redis.call('GET', KEYS[1])
        if not now then return 1 end
        local version = tonumber(string.match(now, '^{"version":(%d+)') or cjson.decode(now).version)
        if version ~= tonumber(ARGV[1]) then return 0 end
        redis.call('DEL', KEYS[1])
        return 1"#,
    )
});

/// The home in Redis.
pub struct Shared {
    /// Codes, players who wait, and news.
    pub meeting: Meeting,
    room_ttl: Duration,
    orphan_ttl: Duration,
    owed: Mutex<HashSet<RoomId>>,
}

/// What became of a write.
pub enum Written {
    /// It was done.
    Done,
    /// Another version is there, or nothing.
    Found(Option<Box<Kept>>),
}

impl Shared {
    /// The home in the Redis of this meeting place.
    pub fn new(meeting: Meeting, config: &Config) -> Self {
        let Config { room_ttl, orphan_ttl, .. } = *config;
        Self { meeting, room_ttl, orphan_ttl, owed: Mutex::default() }
    }

    /// Redis.
    pub fn redis(&self) -> &Redis {
        self.meeting.redis()
    }

    /// Redis has to be told of this room later.
    pub fn owe(&self, room: RoomId) {
        lock(&self.owed).insert(room);
    }

    /// Takes over what is owed.
    pub fn take_owed(&self) -> HashSet<RoomId> {
        std::mem::take(&mut *lock(&self.owed))
    }

    /// Puts a new room there, under another code if this one is taken.
    pub async fn store_new(&self, rooms: &ChessGameStates, room: RoomId) -> Result<(), Unavailable> {
        self.meeting.take_code(rooms, room).await?;
        let Some(kept) = rooms.get(room) else { return Ok(()) };
        if let Written::Done = self.write(&kept.room, 0, 1).await? {
            rooms.keep(Kept { version: 1, ahead: 0, ..kept });
        }
        Ok(())
    }

    /// A room as it is there.
    pub async fn load(&self, room: RoomId) -> Result<Option<Kept>, Unavailable> {
        let mut get = cmd("GET");
        get.arg(room_key(room));
        let stored: Option<Vec<u8>> = self.redis().query("room_get", get).await?;
        Ok(stored.and_then(|json| Stored::read(&json)))
    }

    /// Writes a room as `version`, where it is there as `expected` (0: not at all).
    pub async fn write(&self, room: &Room, expected: u64, version: u64) -> Result<Written, Unavailable> {
        let json = serde_json::to_vec(&Stored::new(room, version)).map_err(|failure| {
            tracing::error!(%failure, "a room cannot be written");
            Unavailable
        })?;
        let args = [expected.to_string().into_bytes(), json, millis(self.room_ttl).to_string().into_bytes()];
        let key = room_key(room.id());
        let told: (u8, Option<Vec<u8>>) = self.redis().script("room_set", &SET, &[&key], &args).await?;
        Ok(if told.0 == 1 {
            Written::Done
        } else {
            Written::Found(told.1.and_then(|json| Stored::read(&json)).map(Box::new))
        })
    }

    /// Changes a room: reads (or takes the copy), changes, writes if nobody was faster, else once more.
    pub async fn with<T>(
        &self,
        rooms: &ChessGameStates,
        id: RoomId,
        act: &mut impl FnMut(&mut Room, Certain) -> Result<T, RoomError>,
    ) -> Result<Result<T, EventError>, Unavailable> {
        let copy = rooms.get(id);
        let mut fresh = copy.is_none();
        let Some(mut kept) = (match copy {
            Some(copy) => Some(copy),
            None => self.load(id).await?,
        }) else {
            return Ok(Err(RoomError::Unknown.into()));
        };
        let mut highest = kept.version;
        for _ in 0..ATTEMPTS {
            let mut room = kept.room.clone();
            let found = match act(&mut room, true) {
                Err(refused) if fresh => return Ok(Err(refused.into())),
                Err(_) => self.load(id).await?,
                Ok(value) => match self.write(&room, kept.version, highest + 1).await? {
                    Written::Done => {
                        let version = highest + 1;
                        rooms.keep(Kept { room, version, ahead: 0 });
                        return Ok(Ok(value));
                    }
                    Written::Found(found) => found.map(|found| *found),
                },
            };
            fresh = true;
            highest = found.as_ref().map_or(highest, |found| highest.max(found.version));
            kept = match self.reconcile(kept, found) {
                Some(kept) => kept,
                None => return Ok(Err(RoomError::Unknown.into())),
            };
        }
        Ok(Err(EventError::unavailable()))
    }

    /// What to go on with after another state was found than this process knew. Nothing, for an old room that is
    /// not there any more; one that should be there was lost with Redis.
    fn reconcile(&self, own: Kept, found: Option<Kept>) -> Option<Kept> {
        match found {
            Some(stored) if own.is_truer_than(&stored) => Some(Kept { version: stored.version, ..own }),
            Some(stored) => Some(stored),
            None if own.room.is_expired(Timestamp::now(), self.room_ttl, self.orphan_ttl) => None,
            None => Some(Kept { version: 0, ..own }),
        }
    }

    /// Where a player is from now on, and where the player was.
    pub async fn enter(&self, user: UserId, room: RoomId) -> Result<Option<RoomId>, Unavailable> {
        let mut set = cmd("SET");
        set.arg(active_key(user)).arg(room.to_string()).arg("GET").arg("PX").arg(self.meeting.lease());
        let before: Option<String> = self.redis().query("active_set", set).await?;
        Ok(before.and_then(|room| room.parse().ok()))
    }

    /// A player is not in this room any more.
    pub async fn leave(&self, user: UserId, room: RoomId) -> Result<(), Unavailable> {
        let room = room.to_string().into_bytes();
        self.redis().script("active_forget", &FORGET, &[&active_key(user)], &[room]).await
    }

    /// Keeps what leads to a room as long as the room.
    pub async fn renew(&self, room: &Room) -> Result<(), Unavailable> {
        let (id, lease) = (room.id(), self.meeting.lease());
        let mut commands = vec![self.meeting.renewal(room)];
        if room.game().ended().is_none() {
            let black = room.players().map(|(_, black)| black.person.id);
            let players = [room.creator().person.id].into_iter().chain(black);
            commands.extend(players.map(|player| {
                let mut set = lead(active_key(player), id, lease);
                set.arg("NX");
                set
            }));
        }
        self.redis().each("room_renew", commands).await
    }

    /// Removes a room if nobody has changed it since; tells whether it is gone.
    pub async fn delete(&self, kept: &Kept) -> Result<bool, Unavailable> {
        let version = kept.version.to_string().into_bytes();
        let key = room_key(kept.room.id());
        let gone = self.redis().script::<bool>("room_delete", &DELETE, &[&key], &[version]).await?;
        if gone {
            self.meeting.forget_code(&kept.room).await?;
        }
        Ok(gone)
    }
}

fn room_key(room: RoomId) -> String {
    format!("chessGameState:{room}")
}

fn active_key(user: UserId) -> String {
    format!("activeChessGame:{user}")
}
