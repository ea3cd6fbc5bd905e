//! What an instance with maps that move does beside them: when the phase leaves `off`, or Redis is back, it tells
//! the codes of its rooms and lets those who wait here wait among all; in `off` it takes them back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval};

use super::migrating::Migrating;
use crate::app::App;
use crate::domain::RoomId;
use crate::socket::chess;

/// Time between two looks at the phase.
const LOOK: Duration = Duration::from_millis(100);

/// Rooms that are looked up at a time.
const AT_ONCE: usize = 32;

/// Follows until it is dropped.
pub async fn follow(app: Arc<App>) {
    let Some(home) = app.live.games.migrating() else { return };
    let mut availability = home.meeting.redis().availability();
    let mut looks = interval(LOOK);
    let mut renewals = interval(app.config.room_ttl / 2);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_alone = true;
    loop {
        tokio::select! {
            changed = availability.changed() => match changed {
                Ok(()) if *availability.borrow_and_update() => back(&app, home).await,
                Ok(()) => {}
                Err(_) => return,
            },
            () = app.live.missed.notified() => catch_up(&app, home).await,
            _ = renewals.tick() => renew(&app, home).await,
            _ = looks.tick() => {
                let has_begun = was_alone && !home.migration.is_alone();
                was_alone = home.migration.is_alone();
                if has_begun {
                    renew(&app, home).await;
                }
                let available = *availability.borrow();
                look(&app, home, available).await;
            }
        }
    }
}

async fn look(app: &App, home: &Migrating, available: bool) {
    home.pay().await;
    if home.migration.is_alone() {
        for seeker in home.meeting.take_seeking().await {
            chess::seek_again(app, seeker).await;
        }
    } else if available {
        for seeker in app.live.games.take_waiting() {
            chess::seek_again(app, seeker).await;
        }
    }
}

/// Redis is back, perhaps empty.
async fn back(app: &App, home: &Migrating) {
    if home.migration.is_alone() {
        return;
    }
    let waiting = home.meeting.wait_again().await.is_ok();
    tracing::info!(waiting, "Redis is back: codes and players who wait are told again");
    renew(app, home).await;
    catch_up(app, home).await;
}

async fn renew(app: &App, home: &Migrating) {
    for room in app.live.games.rooms.ids() {
        if let Some(kept) = app.live.games.rooms.get(room)
            && home.looks_after(room)
        {
            home.renew(&kept.room).await;
        }
    }
}

/// Messages may have been lost: the sockets in rooms that others serve are told how these stand.
async fn catch_up(app: &App, home: &Migrating) {
    let missed = app.live.games.rooms.ids().into_iter().map(async |room| tell(app, home, room).await);
    stream::iter(missed).buffer_unordered(AT_ONCE).for_each(async |()| ()).await;
}

async fn tell(app: &App, home: &Migrating, room: RoomId) {
    if let Ok(Some(kept)) = home.load(room).await {
        app.live.games.rooms.keep((*kept).clone());
        chess::tell_state(app, room);
    }
}
