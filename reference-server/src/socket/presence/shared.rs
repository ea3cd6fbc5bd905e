//! Presence in Redis: `userSocketMap:<userId>` is a hash from socket to `<instance> <expiry>`, and the sorted
//! sets `onlineUsers` (by expiry) and `onlineUsersById` index it.
//!
//! Nobody waits for it: changes queue up and are written together. A heartbeat writes everybody anew every 20 s,
//! and whatever has not been renewed for 60 s counts for nothing, so a killed instance's users go by themselves.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use redis::{Cmd, cmd};
use socketioxide::socket::Sid;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::super::live::lock;
use super::Presence;
use super::index::{HEARTBEAT, Index, TTL, renewed_until};
use crate::app::App;
use crate::domain::{Timestamp, UserId};
use crate::redis::{Redis, Unavailable};
use crate::socket::watch;

/// Who is online at any instance.
pub struct SharedPresence {
    /// Who can be listed.
    pub index: Index,
    instance: Arc<str>,
    changes: Mutex<HashMap<(UserId, Sid), bool>>,
    changed: Notify,
}

impl SharedPresence {
    /// Presence in this Redis.
    pub fn new(redis: Arc<Redis>, instance: Arc<str>) -> Self {
        Self {
            index: Index::new(redis, Arc::clone(&instance)),
            instance,
            changes: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// A socket came or went. Is written soon.
    pub fn note(&self, user: UserId, socket: Sid, is_there: bool) {
        lock(&self.changes).insert((user, socket), is_there);
        self.changed.notify_one();
    }

    /// Whether a user has a socket anywhere.
    pub async fn is_online(&self, user: UserId) -> Result<bool, Unavailable> {
        let mut values = cmd("HVALS");
        values.arg(key(user));
        let values: Vec<String> = self.index.redis.query("presence_get", values).await?;
        let now = Timestamp::now().millis();
        Ok(values.iter().any(|value| expiry(value) > now))
    }

    /// Writes sockets that are there, and this instance.
    async fn beat(&self, sockets: Vec<(UserId, Sid)>) -> Result<(), Unavailable> {
        let (until, alive) = (renewed_until(), self.index.alive());
        let present = sockets.into_iter().flat_map(|(user, socket)| self.present(user, socket, until));
        self.index.redis.each("presence_write", [alive].into_iter().chain(present).collect()).await?;
        self.index.sweep().await
    }

    fn present(&self, user: UserId, socket: Sid, until: i64) -> Vec<Cmd> {
        let (mut entry, mut life) = (cmd("HSET"), cmd("PEXPIRE"));
        entry.arg(key(user)).arg(socket.as_str()).arg(format!("{} {until}", self.instance));
        life.arg(key(user)).arg(TTL.as_millis() as u64);
        [entry, life].into_iter().chain(Index::listed(user, until)).collect()
    }

    /// Writes what has changed.
    async fn write(&self, changes: &HashMap<(UserId, Sid), bool>) -> Result<(), Unavailable> {
        let until = renewed_until();
        let mut commands = Vec::new();
        let mut gone = Vec::new();
        for ((user, socket), is_there) in changes {
            if *is_there {
                commands.extend(self.present(*user, *socket, until));
            } else {
                let mut remove = cmd("HDEL");
                remove.arg(key(*user)).arg(socket.as_str());
                commands.push(remove);
                gone.push(*user);
            }
        }
        self.index.redis.each("presence_write", commands).await?;
        let mut offline = Vec::new();
        for user in gone {
            if !self.is_online(user).await? {
                offline.push(user.to_string());
            }
        }
        self.index.unlist(&offline).await
    }
}

/// Writes changes and heartbeats until it is dropped. What fails is made good by the next heartbeat.
pub async fn keep_told(app: Arc<App>) {
    let Presence::Redis(presence) = &app.live.presence else { return };
    let mut availability = presence.index.redis.availability();
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let _ = tokio::select! {
            () = presence.changed.notified() => tell(&app, presence).await,
            _ = beats.tick() => presence.beat(app.live.users.all()).await,
            changed = availability.changed() => match changed {
                Ok(()) if *availability.borrow_and_update() => presence.beat(app.live.users.all()).await,
                Ok(()) => Ok(()),
                Err(_) => return,
            },
        };
    }
}

/// Writes what has changed, and tells those who watch. While Redis is away, they are told what is true here.
async fn tell(app: &App, presence: &SharedPresence) -> Result<(), Unavailable> {
    let changes = std::mem::take(&mut *lock(&presence.changes));
    let written = presence.write(&changes).await;
    let users: HashSet<UserId> = changes.into_keys().map(|(user, _)| user).collect();
    for user in users {
        watch::look_and_announce(app, user).await;
    }
    written
}

fn key(user: UserId) -> String {
    format!("userSocketMap:{user}")
}

fn expiry(value: &str) -> i64 {
    value.rsplit_once(' ').and_then(|(_, until)| until.parse().ok()).unwrap_or_default()
}
