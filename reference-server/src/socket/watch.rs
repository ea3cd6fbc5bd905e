//! Who is online, and who wants to know when that changes. Watching a user is being in a Socket.IO room.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;
use socketioxide::socket::Sid;

use super::backplane::SocketRef;
use super::presence::{Added, MigratingPresence, Presence};
use super::reply::{Emission, EventError, Reaction, Target, emit};
use super::session::Session;
use crate::app::App;
use crate::domain::{Page, PageRequest, UserId};

/// The event that waits for the places where presence is kept.
pub const WATCH: &str = "presence:watch";

/// Users that one socket may watch.
const MOST_WATCHED: usize = 100;

/// Of the Socket.IO rooms of those who watch a user.
const PREFIX: &str = "presence:";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    users: Vec<UserId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unwatch {
    /// Absent for all.
    users: Option<Vec<UserId>>,
}

/// Users that have a socket, the youngest account first. While Redis is away: a socket here.
pub async fn online(app: &App, page: PageRequest) -> Page<UserId> {
    let index = match &app.live.presence {
        Presence::Redis(presence) => Some(&presence.index),
        Presence::Migrating(presence) => Some(&presence.index).filter(|_| !presence.is_alone()),
        Presence::Here => None,
    };
    if let Some(index) = index
        && let Ok(found) = index.online(page).await
    {
        return found;
    }
    app.live.users.users(page)
}

/// Those of these users that have a socket. While Redis is away: a socket here.
pub async fn who_is_online(app: &App, users: &[UserId]) -> Vec<UserId> {
    let asked = users.iter().map(async |user| is_online(app, *user).await.then_some(*user));
    join_all(asked).await.into_iter().flatten().collect()
}

async fn is_online(app: &App, user: UserId) -> bool {
    if app.live.users.contains(user) {
        return true;
    }
    match &app.live.presence {
        Presence::Redis(presence) => presence.is_online(user).await.unwrap_or(false),
        Presence::Migrating(presence) => presence.is_elsewhere(user).await,
        Presence::Here => false,
    }
}

/// Joins the rooms of these users. Who is there is looked up after that: a change in between is told twice rather
/// than not at all.
pub fn watch(socket: &SocketRef, Watch { users }: Watch) -> Result<Vec<UserId>, EventError> {
    let mut rooms = watched(socket);
    rooms.extend(users.iter().map(|user| channel(*user)));
    rooms.sort_unstable();
    rooms.dedup();
    if rooms.len() > MOST_WATCHED {
        let message = format!("a socket may watch {MOST_WATCHED} users: unwatch some first");
        return Err(EventError { code: "too_many_watched", message });
    }
    socket.join(rooms);
    Ok(users)
}

/// What `watch` is answered with.
pub async fn look(session: &Session, users: &[UserId]) -> Reaction {
    Reaction::ack(json!({ "online": who_is_online(&session.app, users).await }))
}

pub fn unwatch(socket: &SocketRef, Unwatch { users }: Unwatch) -> Reaction {
    let rooms = users.map_or_else(|| watched(socket), |users| users.into_iter().map(channel).collect());
    socket.leave(rooms);
    Reaction::default()
}

/// A socket of a user is there, unless the user has so many already.
pub fn came(app: &App, user: UserId, socket: Sid, most: usize) -> Added {
    let added = app.live.users.add(user, socket, most);
    match &app.live.presence {
        _ if added == Added::TooMany => {}
        Presence::Redis(presence) => presence.note(user, socket, true),
        Presence::Migrating(presence) => note(app, presence, user, added == Added::First),
        Presence::Here if added == Added::First => presence_changed(app, user),
        Presence::Here => {}
    }
    added
}

/// It is not any more. May be said twice.
pub fn left(app: &App, user: UserId, socket: Sid) {
    let was_there = app.live.users.has(user, socket);
    let was_last = app.live.users.remove(user, socket);
    match &app.live.presence {
        Presence::Redis(presence) if was_there => presence.note(user, socket, false),
        Presence::Migrating(presence) if was_there => note(app, presence, user, was_last),
        Presence::Here if was_last => presence_changed(app, user),
        _ => {}
    }
}

/// While this process knows all there is to know, those who watch are told at once.
fn note(app: &App, presence: &MigratingPresence, user: UserId, is_news: bool) {
    let is_alone = presence.is_alone();
    if is_alone && is_news {
        presence_changed(app, user);
    }
    presence.note(user, is_alone);
}

/// Tells those who watch a user whether the user is there now. One at a time, each with what is true then: the
/// last word is always the right one, however connections and disconnections overlap.
fn presence_changed(app: &App, user: UserId) {
    let _turn = app.live.announcing();
    announce(app, user, app.live.users.contains(user));
}

/// Presence in Redis has changed.
pub async fn look_and_announce(app: &App, user: UserId) {
    announce(app, user, is_online(app, user).await);
}

fn announce(app: &App, user: UserId, online: bool) {
    let data = json!({ "user": user, "online": online });
    emit(app, None, &Emission { target: Target::Room(channel(user)), event: "presence:changed", data });
}

fn watched(socket: &SocketRef) -> Vec<String> {
    let rooms = socket.rooms().into_iter().map(String::from);
    rooms.filter(|room| room.starts_with(PREFIX)).collect()
}

fn channel(user: UserId) -> String {
    format!("{PREFIX}{user}")
}
