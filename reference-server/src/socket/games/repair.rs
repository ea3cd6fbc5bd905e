//! Makes Redis and the copies agree again: what was done while Redis was away is written, what others did is
//! taken over and told to the sockets that may have missed it. Redis may come back empty: then everything that
//! this instance knows is new to it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval};

use super::meeting::News;
use super::migrating::Aged;
use super::shared::{Shared, Written};
use super::{Games, Home, Kept, Migrating};
use crate::app::App;
use crate::domain::{RoomId, Timestamp};
use crate::redis::Unavailable;
use crate::socket::chess;

/// Time after which what is owed is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Rooms that are compared at a time.
const AT_ONCE: usize = 32;

/// Attempts to write a room that others change too.
const ATTEMPTS: usize = 4;

/// Repairs whenever Redis comes back, until it is dropped.
pub async fn keep_repaired(app: Arc<App>) {
    let Some(shared) = app.live.games.shared() else { return };
    let mut availability = shared.redis().availability();
    let mut retries = interval(RETRY);
    let mut renewals = interval(app.config.room_ttl / 2);
    retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (rooms, tell) = tokio::select! {
            changed = availability.changed() => match changed {
                Ok(()) if *availability.borrow_and_update() => (back(&app, shared).await, Tell::All),
                Ok(()) => continue,
                Err(_) => return,
            },
            () = app.live.missed.notified() => (app.live.games.rooms.ids(), Tell::All),
            _ = retries.tick() => (shared.take_owed().into_iter().collect(), Tell::Changed),
            _ = renewals.tick() => {
                renew(&app, shared).await;
                continue;
            }
        };
        settle_all(&app, shared, rooms, tell).await;
    }
}

/// Whose sockets are told the state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    /// Those of rooms that turned out to have changed.
    Changed,
    /// Those of all rooms: some event may have been missed.
    All,
}

/// Redis is back: everything here may be news to it.
async fn back(app: &App, shared: &Shared) -> Vec<RoomId> {
    let again = shared.meeting.wait_again().await;
    for seeker in app.live.games.take_waiting() {
        chess::seek_again(app, seeker).await;
    }
    renew(app, shared).await;
    tracing::info!(waiting = again.is_ok(), "Redis is back: the games are compared");
    shared.take_owed();
    app.live.games.rooms.ids()
}

async fn renew(app: &App, shared: &Shared) {
    for room in app.live.games.rooms.ids() {
        let Some(kept) = app.live.games.rooms.get(room) else { continue };
        let now = Timestamp::now();
        let is_live = !kept.room.is_expired(now, app.config.room_ttl, app.config.orphan_ttl);
        if is_live && shared.renew(&kept.room).await.is_err() {
            return;
        }
    }
}

async fn settle_all(app: &App, shared: &Shared, rooms: Vec<RoomId>, tell: Tell) {
    let settling = rooms.into_iter().map(|room| async move {
        match settle(app, shared, room).await {
            Ok(has_changed) if has_changed || tell == Tell::All => chess::tell_state(app, room),
            Ok(_) => {}
            Err(Unavailable) => shared.owe(room),
        }
    });
    stream::iter(settling).buffer_unordered(AT_ONCE).for_each(async |()| ()).await;
}

/// Makes both sides agree on one room. Tells whether that changed the copy.
async fn settle(app: &App, shared: &Shared, id: RoomId) -> Result<bool, Unavailable> {
    let Games { rooms, .. } = &app.live.games;
    for _ in 0..ATTEMPTS {
        let Some(own) = rooms.get(id) else { return Ok(false) };
        let stored = shared.load(id).await?;
        let there = stored.as_ref().map_or(0, |stored| stored.version);
        match stored {
            Some(stored) if !own.is_truer_than(&stored) => {
                return Ok(rooms.keep(stored));
            }
            None if own.room.is_expired(Timestamp::now(), app.config.room_ttl, app.config.orphan_ttl) => {
                return Ok(false);
            }
            _ => {}
        }
        let version = own.version.max(there) + 1;
        if let Written::Done = shared.write(&own.room, there, version).await? {
            let written = Kept { room: own.room, version, ahead: 0 };
            shared.meeting.announce(&written, News::Repaired);
            // What has been changed here meanwhile is ahead of it.
            if rooms.keep(written) {
                return Ok(false);
            }
        }
    }
    Err(Unavailable)
}

/// Ends games of which a player's time is up, and removes rooms that have outlived their use.
pub async fn sweep(app: &Arc<App>) {
    let now = Timestamp::now();
    let games = &app.live.games;
    let is_ours = |room: &RoomId| games.migrating().is_none_or(|home| home.looks_after(*room));
    for room in games.rooms.flagged(now).into_iter().filter(is_ours) {
        chess::call_flag(app, room).await;
    }
    for kept in games.rooms.expired(now, app.config.room_ttl, app.config.orphan_ttl) {
        forget(app, kept).await;
    }
}

/// Only the copy goes where another instance has used the room since.
async fn forget(app: &App, kept: Kept) {
    let gone = match &app.live.games.home {
        Home::Here => true,
        Home::Redis(shared) => match shared.delete(&kept).await {
            Ok(gone) => gone,
            Err(Unavailable) => return,
        },
        Home::Migrating(home) if !home.looks_after(kept.room.id()) => false,
        Home::Migrating(home) => match forget_there(app, home, &kept).await {
            Some(gone) => gone,
            None => return,
        },
    };
    app.live.games.rooms.drop_copy(kept.room.id());
    if gone {
        chess::forget(app, &kept.room).await;
    }
}

/// Whether the room is gone from the map; nothing, when it stays for now.
async fn forget_there(app: &App, home: &Migrating, kept: &Kept) -> Option<bool> {
    match home.expire(kept.room.id(), Timestamp::now()).await {
        Ok(Aged::Gone) => {
            if !home.migration.is_alone() {
                // A code that stays leads to no room, and is gone after a while.
                let _ = home.meeting.forget_code(&kept.room).await;
            }
            Some(true)
        }
        Ok(Aged::Lives(now)) => {
            app.live.games.rooms.keep(*now);
            None
        }
        Err(_) => None,
    }
}
