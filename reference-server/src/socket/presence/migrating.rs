//! Presence in a map that moves: `userSocketMap:<userId>` is a user's sockets at all instances.
//!
//! Nobody waits for it: what came or went is noted, and each instance then writes which sockets the user has with
//! it now. So what comes late (the end of an old connection, a heartbeat of before) takes away nobody else's
//! socket, and writing twice is writing once. The key goes to whoever asks last, and what the owner before had not
//! written is lost: so each instance looks again after a second, and with the next heartbeat. That one writes
//! everybody anew every 20 s; a value that nobody has renewed is gone after 60 s by Redis' clock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use redis::{Cmd, cmd};
use serde::{Deserialize, Serialize};
use socketioxide::socket::Sid;
use state_map::{Change, Refused, Service};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::super::live::lock;
use super::index::{HEARTBEAT, Index, TTL, renewed_until};
use super::{Presence, UserSocketMap};
use crate::app::App;
use crate::domain::{Timestamp, UserId};
use crate::redis::{Redis, Unavailable};
use crate::socket::migration::Migration;
use crate::socket::watch;

/// Users whose sockets are written at a time.
const AT_ONCE: usize = 64;

/// Time after which an instance looks whether what it wrote is there.
const CONFIRM: Duration = Duration::from_secs(1);

/// What the clocks of two machines may differ by before an entry is dropped that is renewed.
const SKEW_MILLIS: i64 = 120_000;

/// A user's sockets at all instances.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserSockets(BTreeMap<Sid, Seat>);

/// Where a socket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seat {
    instance: Arc<str>,
    /// Until when it counts, in milliseconds since 1970 by that instance's clock. The value's own life decides;
    /// this lets others drop what an instance has left behind.
    until: i64,
}

impl UserSockets {
    /// The sockets of both.
    pub fn with(&self, other: &Self) -> Self {
        let mut both = other.clone();
        both.0.extend(self.0.iter().map(|(socket, seat)| (*socket, seat.clone())));
        both
    }

    /// With exactly these sockets at this instance, and without what nobody renews.
    fn updated(&self, instance: &Arc<str>, here: &[Sid], now: i64, until: i64) -> Self {
        let lives = |seat: &Seat| seat.instance != *instance && seat.until > now - SKEW_MILLIS;
        let others = self.0.iter().filter(|(_, seat)| lives(seat));
        let mut sockets: BTreeMap<Sid, Seat> = others.map(|(socket, seat)| (*socket, seat.clone())).collect();
        sockets.extend(here.iter().map(|socket| (*socket, Seat { instance: Arc::clone(instance), until })));
        Self(sockets)
    }

    /// Whether exactly these are at this instance.
    fn has_at(&self, instance: &str, here: &[Sid]) -> bool {
        let own = || self.0.iter().filter(|(_, seat)| *seat.instance == *instance);
        own().count() == here.len() && own().all(|(socket, _)| here.contains(socket))
    }

    /// Whether one of them is at another instance.
    fn is_elsewhere(&self, instance: &str) -> bool {
        self.0.values().any(|seat| *seat.instance != *instance)
    }
}

/// Who is online, wherever that is known now.
pub struct MigratingPresence {
    /// Who can be listed, from `dual` on.
    pub index: Index,
    migration: Arc<Migration>,
    here: Arc<UserSocketMap>,
    /// Users of whom something changed, and whether those who watch them know.
    changes: Mutex<HashMap<UserId, bool>>,
    changed: Notify,
    /// Users whose writing is not confirmed, and those for whom the next heartbeat looks once more.
    unconfirmed: Mutex<HashSet<UserId>>,
    recent: Mutex<HashSet<UserId>>,
}

/// Why a user's sockets are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    /// They are to count for longer.
    Anew,
    /// Only where something else stands there.
    IfOther,
}

impl MigratingPresence {
    /// Presence in this migration's map; the list of all who are there is in this Redis.
    pub fn new(
        migration: Arc<Migration>,
        here: Arc<UserSocketMap>,
        redis: Arc<Redis>,
        instance: Arc<str>,
    ) -> Self {
        let (changes, changed) = (Mutex::default(), Notify::new());
        Self {
            index: Index::new(redis, instance),
            migration,
            here,
            changes,
            changed,
            unconfirmed: Mutex::default(),
            recent: Mutex::default(),
        }
    }

    /// Whether this process knows all that there is to know.
    pub fn is_alone(&self) -> bool {
        self.migration.is_alone()
    }

    /// A socket of a user came or went. Is written soon; those who watch are told then, unless they know.
    pub fn note(&self, user: UserId, is_told: bool) {
        let mut changes = lock(&self.changes);
        *changes.entry(user).or_insert(true) &= is_told;
        drop(changes);
        self.changed.notify_one();
    }

    /// Whether a user who has no socket here has one elsewhere. Looks where the owner writes rather than take the
    /// key from the instance that the user is at.
    pub async fn is_elsewhere(&self, user: UserId) -> bool {
        let sockets = match self.migration.phase().service() {
            Service::Memory => None,
            Service::Owner | Service::StrictOwner => self.stored(user).await,
            Service::Redis => self.migration.users.get(&user.to_string()).await.ok().flatten(),
        };
        sockets.is_some_and(|sockets| sockets.is_elsewhere(&self.migration.name))
    }

    /// What this instance has in memory may be another's by now, and old.
    async fn stored(&self, user: UserId) -> Option<Arc<UserSockets>> {
        let mut get = cmd("GET");
        get.arg(format!("userSocketMap:{user}"));
        match self.index.redis.query::<Option<Vec<u8>>>("presence_get", get).await {
            Ok(stored) => serde_json::from_slice(&stored?).ok(),
            Err(Unavailable) => self.migration.users.peek(&user.to_string()),
        }
    }

    /// Writes which sockets a user has here.
    async fn write(&self, user: UserId, why: Write) -> Result<(), Refused> {
        let change = |now: Option<&UserSockets>| {
            let (before, here) = (now.cloned().unwrap_or_default(), self.here.of(user));
            let sockets =
                before.updated(&self.migration.name, &here, Timestamp::now().millis(), renewed_until());
            match now {
                _ if why == Write::IfOther && before.has_at(&self.migration.name, &here) => {
                    (Change::Keep, ())
                }
                _ if !sockets.0.is_empty() => (Change::Set(sockets, Some(TTL)), ()),
                Some(_) => (Change::Delete, ()),
                None => (Change::Keep, ()),
            }
        };
        self.migration.users.update(&user.to_string(), change).await
    }

    async fn write_all(&self, users: impl IntoIterator<Item = UserId>, why: Write) {
        let writes = users.into_iter().map(async |user| {
            if let Err(refused) = self.write(user, why).await {
                tracing::debug!(%refused, "presence is written with the next heartbeat");
            }
        });
        stream::iter(writes).buffer_unordered(AT_ONCE).for_each(async |()| ()).await;
    }

    /// Writes everybody anew.
    async fn beat(&self) {
        let users: Vec<UserId> = self.here.everybody();
        self.write_all(users.iter().copied(), Write::Anew).await;
        let recent = std::mem::take(&mut *lock(&self.recent));
        self.write_all(recent, Write::IfOther).await;
        let (until, is_shared) = (renewed_until(), !self.is_alone());
        let listed = users.into_iter().filter(|_| is_shared).flat_map(|user| Index::listed(user, until));
        // The sign of life also in `off`: whoever waits for an opponent must be believed as soon as that has ended.
        let commands: Vec<Cmd> = [self.index.alive()].into_iter().chain(listed).collect();
        if self.index.redis.each("presence_write", commands).await.is_ok() && is_shared {
            // What is left in the list counts for nothing.
            let _ = self.index.sweep().await;
        }
    }

    /// Writes what has changed.
    pub async fn flush(&self, app: &App) {
        let changes = std::mem::take(&mut *lock(&self.changes));
        self.write_all(changes.keys().copied(), Write::Anew).await;
        lock(&self.unconfirmed).extend(changes.keys());
        if !self.is_alone() {
            // The list follows with the next heartbeat where this fails.
            let _ = self.list(changes.keys().copied()).await;
        }
        for (user, is_told) in changes {
            if !(is_told && self.is_alone()) {
                watch::look_and_announce(app, user).await;
            }
        }
    }

    /// Looks again after those whose sockets were written a moment ago.
    async fn confirm(&self) {
        let users = std::mem::take(&mut *lock(&self.unconfirmed));
        lock(&self.recent).extend(&users);
        self.write_all(users, Write::IfOther).await;
    }

    async fn list(&self, users: impl Iterator<Item = UserId>) -> Result<(), Unavailable> {
        let (until, mut listed, mut gone) = (renewed_until(), Vec::new(), Vec::new());
        for user in users {
            if self.here.contains(user) {
                listed.extend(Index::listed(user, until));
            } else if !self.is_elsewhere(user).await {
                gone.push(user.to_string());
            }
        }
        self.index.redis.each("presence_write", listed).await?;
        self.index.unlist(&gone).await
    }
}

/// Writes changes and heartbeats until it is dropped.
pub async fn keep_current(app: Arc<App>) {
    let Presence::Migrating(presence) = &app.live.presence else { return };
    let mut availability = presence.index.redis.availability();
    let mut beats = interval(HEARTBEAT);
    let (mut looks, mut was_alone) = (interval(CONFIRM), true);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = presence.changed.notified() => presence.flush(&app).await,
            _ = beats.tick() => presence.beat().await,
            _ = looks.tick() => {
                let has_begun = was_alone && !presence.is_alone();
                was_alone = presence.is_alone();
                if has_begun { presence.beat().await } else { presence.confirm().await }
            }
            changed = availability.changed() => match changed {
                Ok(()) if *availability.borrow_and_update() => presence.beat().await,
                Ok(()) => {}
                Err(_) => return,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_takes_away_nobody_elses_socket() {
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let (old, new) = (Sid::new(), Sid::new());
        let there = UserSockets::default().updated(&one, &[old], 0, 60);
        let reconnected = there.updated(&other, &[new], 1, 61);
        let ended_late = reconnected.updated(&one, &[], 2, 62);
        assert!(ended_late.is_elsewhere("one") && !ended_late.is_elsewhere("other"));
        let beaten_late = ended_late.updated(&one, &[old], 3, 63);
        assert!(beaten_late.has_at("one", &[old]) && !beaten_late.has_at("other", &[]));
        assert_eq!(
            beaten_late.updated(&other, &[], 4, 64),
            UserSockets::default().updated(&one, &[old], 3, 63)
        );
        assert_eq!(ended_late.updated(&other, &[], 4, 64), UserSockets::default());
    }

    #[test]
    fn what_a_killed_instance_left_is_dropped_after_a_while() {
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let left = UserSockets::default().updated(&one, &[Sid::new()], 0, 60_000);
        let now = 60_000 + SKEW_MILLIS;
        assert!(left.updated(&other, &[], now - 1, now).is_elsewhere("other"));
        assert_eq!(left.updated(&other, &[], now, now), UserSockets::default());
    }

    #[test]
    fn two_instances_sockets_are_one_users() {
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let held = UserSockets::default().updated(&one, &[Sid::new()], 0, 60);
        let stored = UserSockets::default().updated(&other, &[Sid::new()], 0, 60);
        let both = held.with(&stored);
        assert!(both.is_elsewhere("one") && both.is_elsewhere("other"));
        let json = serde_json::to_string(&both).unwrap();
        assert_eq!(serde_json::from_str::<UserSockets>(&json).unwrap(), both);
    }
}
