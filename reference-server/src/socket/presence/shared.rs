//! Presence in Redis: `userSocketMap:<userId>` is a hash from socket to `<instance> <expiry>`, and the sorted
//! sets `onlineUsers` (by expiry) and `onlineUsersById` index it.
//!
//! Nobody waits for it: changes queue up and are written together. A heartbeat writes everybody anew every 20 s,
//! and whatever has not been renewed for 60 s counts for nothing, so a killed instance's users go by themselves.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::{Cmd, cmd};
use socketioxide::socket::Sid;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::super::games::instance_key;
use super::super::live::lock;
use crate::app::App;
use crate::domain::{Page, PageRequest, Timestamp, UserId};
use crate::redis::{Redis, Unavailable};
use crate::socket::watch;

const HEARTBEAT: Duration = Duration::from_secs(20);
const TTL_MILLIS: i64 = 60_000;

const BY_EXPIRY: &str = "onlineUsers";
const BY_ID: &str = "onlineUsersById";

/// Users that are taken out of the index at a time.
const SWEPT: usize = 512;

/// Who is online at any instance.
pub struct SharedPresence {
    redis: Arc<Redis>,
    instance: Arc<str>,
    changes: Mutex<HashMap<(UserId, Sid), bool>>,
    changed: Notify,
}

impl SharedPresence {
    /// Presence in this Redis.
    pub fn new(redis: Arc<Redis>, instance: Arc<str>) -> Self {
        Self { redis, instance, changes: Mutex::default(), changed: Notify::new() }
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
        let values: Vec<String> = self.redis.query("presence_get", values).await?;
        let now = Timestamp::now().millis();
        Ok(values.iter().any(|value| expiry(value) > now))
    }

    /// Users that are online, the youngest account first. Costs as much as the page is long.
    pub async fn online(&self, page: PageRequest) -> Result<Page<UserId>, Unavailable> {
        let (now, wanted) = (Timestamp::now().millis() as f64, page.limit.saturating_add(1));
        let before = page.after.map(|cursor| UserId::from_bytes(*cursor.item()));
        let mut from = before.map_or("+".to_owned(), |user| format!("({user}"));
        let mut found = Vec::new();
        while found.len() < wanted {
            let mut range = cmd("ZREVRANGEBYLEX");
            range.arg(BY_ID).arg(&from).arg("-").arg("LIMIT").arg(0).arg(wanted);
            let users: Vec<String> = self.redis.query("presence_page", range).await?;
            let Some(last) = users.last() else { break };
            from = format!("({last}");
            let mut scores = cmd("ZMSCORE");
            scores.arg(BY_EXPIRY).arg(&users);
            let until: Vec<Option<f64>> = self.redis.query("presence_page", scores).await?;
            let fresh = users.iter().zip(until).filter(|(_, until)| until.is_some_and(|at| at > now));
            found.extend(fresh.filter_map(|(user, _)| user.parse::<UserId>().ok()));
        }
        Ok(Page::from_overfull(found, page.limit, |user| *user.as_bytes()))
    }

    /// Writes sockets that are there, and this instance.
    async fn beat(&self, sockets: Vec<(UserId, Sid)>) -> Result<(), Unavailable> {
        let until = Timestamp::now().millis() + TTL_MILLIS;
        let mut alive = cmd("SET");
        alive.arg(instance_key(&self.instance)).arg(1).arg("PX").arg(TTL_MILLIS);
        let present = sockets.into_iter().flat_map(|(user, socket)| self.present(user, socket, until));
        self.redis.each("presence_write", [alive].into_iter().chain(present).collect()).await?;
        self.sweep().await
    }

    fn present(&self, user: UserId, socket: Sid, until: i64) -> Vec<Cmd> {
        let (mut entry, mut life) = (cmd("HSET"), cmd("PEXPIRE"));
        entry.arg(key(user)).arg(socket.as_str()).arg(format!("{} {until}", self.instance));
        life.arg(key(user)).arg(TTL_MILLIS);
        let (mut by_expiry, mut by_id) = (cmd("ZADD"), cmd("ZADD"));
        by_expiry.arg(BY_EXPIRY).arg(until).arg(user.to_string());
        by_id.arg(BY_ID).arg(0).arg(user.to_string());
        vec![entry, life, by_expiry, by_id]
    }

    /// Writes what has changed.
    async fn write(&self, changes: &HashMap<(UserId, Sid), bool>) -> Result<(), Unavailable> {
        let until = Timestamp::now().millis() + TTL_MILLIS;
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
        self.redis.each("presence_write", commands).await?;
        let mut offline = Vec::new();
        for user in gone {
            if !self.is_online(user).await? {
                offline.push(user.to_string());
            }
        }
        self.unlist(&offline).await
    }

    /// Takes those out of the index whose instance is gone.
    async fn sweep(&self) -> Result<(), Unavailable> {
        let mut range = cmd("ZRANGEBYSCORE");
        range.arg(BY_EXPIRY).arg("-inf").arg(Timestamp::now().millis()).arg("LIMIT").arg(0).arg(SWEPT);
        let users: Vec<String> = self.redis.query("presence_sweep", range).await?;
        self.unlist(&users).await
    }

    async fn unlist(&self, users: &[String]) -> Result<(), Unavailable> {
        if users.is_empty() {
            return Ok(());
        }
        let remove = [BY_EXPIRY, BY_ID].map(|index| {
            let mut remove = cmd("ZREM");
            remove.arg(index).arg(users);
            remove
        });
        self.redis.each("presence_unlist", remove.into()).await
    }
}

/// Writes changes and heartbeats until it is dropped. What fails is made good by the next heartbeat.
pub async fn keep_told(app: Arc<App>) {
    let Some(presence) = &app.live.presence else { return };
    let mut availability = presence.redis.availability();
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
