//! Where the instances meet in Redis, whichever home the rooms have: codes that lead to rooms, players who wait for
//! an opponent, and news of rooms that others keep a copy of.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use redis::{Cmd, Script, cmd};
use serde::{Deserialize, Serialize};
use socketioxide::socket::Sid;

use super::Kept;
use super::local::ChessGameStates;
use super::stored::Stored;
use crate::chess::{Occupant, Room, RoomCode};
use crate::domain::{Person, RoomId, Timestamp};
use crate::redis::{Redis, Unavailable};
use crate::socket::live::lock;

/// The channel on which instances tell one another of the rooms that they changed.
pub const STATES: &str = "chessGameStates";

/// Codes tried for one room.
const CODES: usize = 8;

/// Length of an identifier in text.
const UUID: usize = 36;

const WAITING: &str = "chessWaiting";

/// Deletes where the value is this one.
pub static FORGET: LazyLock<Script> = LazyLock::new(|| {
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
struct Waiting {
    #[serde(flatten)]
    person: Person,
    socket: Sid,
    instance: Arc<str>,
}

/// The meeting place.
pub struct Meeting {
    redis: Arc<Redis>,
    instance: Arc<str>,
    room_ttl: Duration,
    seeking: Mutex<HashMap<Sid, String>>,
}

impl Meeting {
    /// The one in this Redis, for this instance.
    pub fn new(redis: Arc<Redis>, instance: Arc<str>, room_ttl: Duration) -> Self {
        Self { redis, instance, room_ttl, seeking: Mutex::default() }
    }

    /// Redis.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Players that wait here.
    pub fn seeking(&self) -> usize {
        lock(&self.seeking).len()
    }

    /// Makes the code of a room that was just opened lead to it, another one if this one is taken.
    pub async fn take_code(&self, rooms: &ChessGameStates, room: RoomId) -> Result<(), Unavailable> {
        for _ in 0..CODES {
            let Some(kept) = rooms.get(room) else { return Ok(()) };
            if self.claim(kept.room.code(), room).await? {
                return Ok(());
            }
            rooms.recode(room, RoomCode::random());
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

    /// Keeps a code as long as its room.
    pub fn renewal(&self, room: &Room) -> Cmd {
        lead(code_key(room.code()), room.id(), self.lease())
    }

    /// A room is no more: its code leads nowhere.
    pub async fn forget_code(&self, room: &Room) -> Result<(), Unavailable> {
        let id = room.id().to_string().into_bytes();
        self.redis.script("room_code_forget", &FORGET, &[&code_key(room.code())], &[id]).await
    }

    /// Lets the instances that have a copy of a room take this one.
    pub fn announce(&self, kept: &Kept, news: News) {
        let mut message = format!("{}{}{}", news.sign(), self.instance, kept.room.id()).into_bytes();
        let stored = Stored::new(&kept.room, kept.version);
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
        let is_new = rooms.hear(Stored::read(json)?);
        (is_new && *sign == News::Repaired.sign() as u8).then_some(Heard::Repaired(room))
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

    /// Takes out those who wait here.
    pub async fn take_seeking(&self) -> Vec<Occupant> {
        let waiting = std::mem::take(&mut *lock(&self.seeking));
        let mut seekers = Vec::with_capacity(waiting.len());
        for text in waiting.into_values() {
            let mut remove = cmd("ZREM");
            remove.arg(WAITING).arg(&text);
            // Another instance may have paired them; without Redis none does.
            let waited = self.redis.query::<u64>("waiting_remove", remove).await.unwrap_or(1) > 0;
            let waiting: Option<Waiting> = serde_json::from_str(&text).ok().filter(|_| waited);
            seekers.extend(waiting.map(|Waiting { person, socket, .. }| Occupant { person, socket }));
        }
        seekers
    }

    /// Longer than a room, so that what leads to it is there as long as it is.
    pub fn lease(&self) -> u64 {
        millis(self.room_ttl).saturating_mul(2)
    }
}

/// The sign of life of an instance.
pub fn instance_key(instance: &str) -> String {
    format!("instance:{instance}")
}

/// Lets a key lead to a room.
pub fn lead(key: String, room: RoomId, lease: u64) -> Cmd {
    let mut set = cmd("SET");
    set.arg(key).arg(room.to_string()).arg("PX").arg(lease);
    set
}

fn code_key(code: RoomCode) -> String {
    format!("chessRoomCode:{code}")
}

/// A time in the words of Redis.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
