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

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use redis::{Cmd, Script, cmd};
use serde::{Deserialize, Serialize};
use socketioxide::socket::Sid;

use super::local::ChessGameStates;
use super::{Certain, Kept};
use crate::chess::{Occupant, Room, RoomCode, RoomError, RoomRecord};
use crate::config::Config;
use crate::domain::{Person, RoomId, Timestamp, UserId};
use crate::redis::{Redis, Unavailable};
use crate::socket::live::lock;
use crate::socket::reply::EventError;

/// Attempts to change a room that others change too.
const ATTEMPTS: usize = 16;

/// Codes tried for one room.
const CODES: usize = 8;

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

/// Deletes where the value is this one.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end")
});

/// Takes out the longest waiting that is somebody else, or adds the seeker. All who wait are one person.
static SEEK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r#"for _, waiting in ipairs(redis.call('ZRANGE', KEYS[1], 0, 127)) do
            if cjson.decode(waiting).id ~= ARGV[1] then
                redis.call('ZREM', KEYS[1], waiting, ARGV[2])
                return waiting
            end
        end
        redis.call('ZADD', KEYS[1], 'NX', ARGV[3], ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        return false"#,
    )
});

/// Length of an identifier in text.
const UUID: usize = 36;

const WAITING: &str = "chessWaiting";

/// The home in Redis.
pub struct Shared {
    redis: Arc<Redis>,
    instance: Arc<str>,
    room_ttl: Duration,
    orphan_ttl: Duration,
    owed: Mutex<HashSet<RoomId>>,
    seeking: Mutex<HashMap<Sid, String>>,
}

/// What became of a write.
pub enum Written {
    /// It was done.
    Done,
    /// Another version is there, or nothing.
    Found(Option<Box<Kept>>),
}

/// Why a room is announced.
#[derive(Clone, Copy)]
pub enum News {
    /// It has changed, and its sockets are told by an event.
    Changed,
    /// It had changed while nobody could be told.
    Repaired,
}

impl News {
    fn sign(self) -> char {
        match self {
            Self::Changed => 'c',
            Self::Repaired => 'r',
        }
    }
}

/// What an announcement leads to.
pub enum Heard {
    /// The sockets in this room have not heard what was done while Redis was away.
    Repaired(RoomId),
    /// Nor have those in any room.
    Lost,
}

/// Instead of a [`News`]: there is news, but which was lost.
const LOST: char = 'x';

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    #[serde(flatten)]
    room: RoomRecord,
}

#[derive(Serialize, Deserialize)]
struct Waiting {
    #[serde(flatten)]
    person: Person,
    socket: Sid,
    instance: Arc<str>,
}

impl Shared {
    /// The home in this Redis.
    pub fn new(redis: Arc<Redis>, instance: Arc<str>, config: &Config) -> Self {
        let Config { room_ttl, orphan_ttl, .. } = *config;
        Self { redis, instance, room_ttl, orphan_ttl, owed: Mutex::default(), seeking: Mutex::default() }
    }

    /// Redis.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Redis has to be told of this room later.
    pub fn owe(&self, room: RoomId) {
        lock(&self.owed).insert(room);
    }

    /// Takes over what is owed.
    pub fn take_owed(&self) -> HashSet<RoomId> {
        std::mem::take(&mut *lock(&self.owed))
    }

    /// Players that wait here.
    pub fn seeking(&self) -> usize {
        lock(&self.seeking).len()
    }

    /// Puts a new room there, under another code if this one is taken.
    pub async fn store_new(&self, rooms: &ChessGameStates, room: &Room) -> Result<(), Unavailable> {
        let id = room.id();
        for _ in 0..CODES {
            let Some(kept) = rooms.get(id) else { return Ok(()) };
            if !self.claim(kept.room.code(), id).await? {
                rooms.recode(id, RoomCode::random());
                continue;
            }
            if let Written::Done = self.write(&kept.room, 0, 1).await? {
                rooms.keep(Kept { version: 1, ahead: 0, ..kept });
            }
            return Ok(());
        }
        Err(Unavailable)
    }

    /// Whether the code is this room's from now on.
    async fn claim(&self, code: RoomCode, room: RoomId) -> Result<bool, Unavailable> {
        let mut claim = cmd("SET");
        claim.arg(code_key(code)).arg(room.to_string()).arg("NX").arg("GET");
        claim.arg("PX").arg(self.lease());
        let before: Option<String> = self.redis.query("room_code_claim", claim).await?;
        Ok(before.is_none_or(|owner| owner == room.to_string()))
    }

    /// The room that a code leads to.
    pub async fn find(&self, code: RoomCode) -> Result<Option<RoomId>, Unavailable> {
        let mut get = cmd("GET");
        get.arg(code_key(code));
        let room: Option<String> = self.redis.query("room_code_get", get).await?;
        Ok(room.and_then(|room| room.parse().ok()))
    }

    /// A room as it is there.
    pub async fn load(&self, room: RoomId) -> Result<Option<Kept>, Unavailable> {
        let mut get = cmd("GET");
        get.arg(room_key(room));
        let stored: Option<Vec<u8>> = self.redis.query("room_get", get).await?;
        Ok(stored.and_then(|json| read(&json)))
    }

    /// Writes a room as `version`, where it is there as `expected` (0: not at all).
    pub async fn write(&self, room: &Room, expected: u64, version: u64) -> Result<Written, Unavailable> {
        let json = serde_json::to_vec(&Stored { version, room: room.record() }).map_err(|failure| {
            tracing::error!(%failure, "a room cannot be written");
            Unavailable
        })?;
        let args = [expected.to_string().into_bytes(), json, millis(self.room_ttl).to_string().into_bytes()];
        let key = room_key(room.id());
        let told: (u8, Option<Vec<u8>>) = self.redis.script("room_set", &SET, &[&key], &args).await?;
        Ok(if told.0 == 1 {
            Written::Done
        } else {
            Written::Found(told.1.and_then(|json| read(&json)).map(Box::new))
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

    /// Lets the instances that have a copy of a room take this one.
    pub fn announce(&self, kept: &Kept, news: News) {
        let mut message = format!("{}{}{}", news.sign(), self.instance, kept.room.id()).into_bytes();
        let stored = Stored { version: kept.version, room: kept.room.record() };
        if serde_json::to_writer(&mut message, &stored).is_ok() {
            self.redis.publish(STATES, message);
        }
    }

    /// Tells the other instances that messages of this one were lost.
    pub fn confess(&self) {
        self.redis.publish(STATES, format!("{LOST}{}", self.instance).into_bytes());
    }

    /// Takes what another instance announced, where there is a copy.
    pub fn hear(&self, rooms: &ChessGameStates, message: &[u8]) -> Option<Heard> {
        let (sign, rest) = message.split_first()?;
        let (instance, rest) = rest.split_at_checked(UUID)?;
        if instance == self.instance.as_bytes() {
            return None;
        }
        if *sign == LOST as u8 {
            return Some(Heard::Lost);
        }
        let (room, json) = rest.split_at_checked(UUID)?;
        let room: RoomId = std::str::from_utf8(room).ok()?.parse().ok()?;
        rooms.get(room)?;
        let is_new = rooms.hear(read(json)?);
        (is_new && *sign == News::Repaired.sign() as u8).then_some(Heard::Repaired(room))
    }

    /// Where a player is from now on, and where the player was.
    pub async fn enter(&self, user: UserId, room: RoomId) -> Result<Option<RoomId>, Unavailable> {
        let mut set = cmd("SET");
        set.arg(active_key(user)).arg(room.to_string()).arg("GET").arg("PX").arg(self.lease());
        let before: Option<String> = self.redis.query("active_set", set).await?;
        Ok(before.and_then(|room| room.parse().ok()))
    }

    /// A player is not in this room any more.
    pub async fn leave(&self, user: UserId, room: RoomId) -> Result<(), Unavailable> {
        let room = room.to_string().into_bytes();
        self.redis.script("active_forget", &FORGET, &[&active_key(user)], &[room]).await
    }

    /// Keeps what leads to a room as long as the room.
    pub async fn renew(&self, room: &Room) -> Result<(), Unavailable> {
        let id = room.id();
        let mut commands = vec![set(code_key(room.code()), id, self.lease())];
        if room.game().ended().is_none() {
            let black = room.players().map(|(_, black)| black.person.id);
            let players = [room.creator().person.id].into_iter().chain(black);
            commands.extend(players.map(|player| {
                let mut set = set(active_key(player), id, self.lease());
                set.arg("NX");
                set
            }));
        }
        self.redis.each("room_renew", commands).await
    }

    /// Removes a room if nobody has changed it since; tells whether it is gone.
    pub async fn delete(&self, kept: &Kept) -> Result<bool, Unavailable> {
        let version = kept.version.to_string().into_bytes();
        let key = room_key(kept.room.id());
        let gone = self.redis.script::<bool>("room_delete", &DELETE, &[&key], &[version]).await?;
        if gone {
            let id = kept.room.id().to_string().into_bytes();
            let code = code_key(kept.room.code());
            self.redis.script::<()>("room_code_forget", &FORGET, &[&code], &[id]).await?;
        }
        Ok(gone)
    }

    /// An opponent who waits at an instance that is there, or nobody: then the seeker waits.
    pub async fn seek(
        &self,
        seeker: &Occupant,
        is_here: &impl Fn(Sid) -> bool,
    ) -> Result<Option<Occupant>, Unavailable> {
        let own = Waiting {
            person: seeker.person.clone(),
            socket: seeker.socket,
            instance: Arc::clone(&self.instance),
        };
        let own = serde_json::to_string(&own).map_err(|_| Unavailable)?;
        let now = Timestamp::now().millis().to_string().into_bytes();
        let args = [
            seeker.person.id.to_string().into_bytes(),
            own.clone().into_bytes(),
            now,
            millis(self.room_ttl).to_string().into_bytes(),
        ];
        loop {
            let found: Option<String> = self.redis.script("waiting_seek", &SEEK, &[WAITING], &args).await?;
            let Some(found) = found else {
                lock(&self.seeking).insert(seeker.socket, own);
                return Ok(None);
            };
            lock(&self.seeking).remove(&seeker.socket);
            let Ok(Waiting { person, socket, instance }) = serde_json::from_str(&found) else { continue };
            lock(&self.seeking).remove(&socket);
            let is_there =
                if instance == self.instance { is_here(socket) } else { self.is_up(&instance).await? };
            if is_there {
                return Ok(Some(Occupant { person, socket }));
            }
        }
    }

    /// A socket does not look for an opponent any more.
    pub async fn stop_seeking(&self, socket: Sid) {
        let waiting = lock(&self.seeking).remove(&socket);
        if let Some(waiting) = waiting {
            let mut remove = cmd("ZREM");
            remove.arg(WAITING).arg(waiting);
            // Whoever finds it finds nobody at that socket.
            let _ = self.redis.query::<()>("waiting_remove", remove).await;
        }
    }

    /// Those who wait here wait again after Redis was away.
    pub async fn wait_again(&self) -> Result<(), Unavailable> {
        let waiting: Vec<String> = lock(&self.seeking).values().cloned().collect();
        let now = Timestamp::now().millis();
        let again = waiting.into_iter().map(|waiting| {
            let mut add = cmd("ZADD");
            add.arg(WAITING).arg("NX").arg(now).arg(waiting);
            add
        });
        self.redis.each("waiting_again", again.collect()).await
    }

    async fn is_up(&self, instance: &str) -> Result<bool, Unavailable> {
        let mut exists = cmd("EXISTS");
        exists.arg(instance_key(instance));
        self.redis.query("instance_exists", exists).await
    }

    /// Longer than a room, so that what leads to it is there as long as it is.
    fn lease(&self) -> u64 {
        millis(self.room_ttl).saturating_mul(2)
    }
}

/// The channel on which instances tell one another of the rooms that they changed.
pub const STATES: &str = "chessGameStates";

/// The room of a value. One that breaks the rules is as good as none.
fn read(json: &[u8]) -> Option<Kept> {
    let stored: Stored = serde_json::from_slice(json)
        .inspect_err(|failure| tracing::error!(%failure, "what Redis has of a room is no room"))
        .ok()?;
    let room = Room::restore(stored.room)
        .inspect_err(|failure| tracing::error!(%failure, "what Redis has of a room breaks the rules"))
        .ok()?;
    Some(Kept { room, version: stored.version, ahead: 0 })
}

/// The sign of life of an instance.
pub fn instance_key(instance: &str) -> String {
    format!("instance:{instance}")
}

fn set(key: String, room: RoomId, lease: u64) -> Cmd {
    let mut set = cmd("SET");
    set.arg(key).arg(room.to_string()).arg("PX").arg(lease);
    set
}

fn room_key(room: RoomId) -> String {
    format!("chessGameState:{room}")
}

fn code_key(code: RoomCode) -> String {
    format!("chessRoomCode:{code}")
}

fn active_key(user: UserId) -> String {
    format!("activeChessGame:{user}")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
