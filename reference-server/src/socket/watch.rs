//! Who is online, and who wants to know when that changes. Watching a user is being in a Socket.IO room.

use serde::Deserialize;
use serde_json::json;
use socketioxide::extract::SocketRef;

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

/// Users that have a socket, the youngest account first.
pub async fn online(app: &App, page: PageRequest) -> Page<UserId> {
    app.live.users.users(page)
}

/// Those of these users that have a socket.
pub async fn who_is_online(app: &App, users: &[UserId]) -> Vec<UserId> {
    users.iter().copied().filter(|user| app.live.users.contains(*user)).collect()
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

/// Tells those who watch a user whether the user is there now. One at a time, each with what is true then: the
/// last word is always the right one, however connections and disconnections overlap.
pub fn presence_changed(app: &App, user: UserId) {
    let _turn = app.live.announcing();
    let data = json!({ "user": user, "online": app.live.users.contains(user) });
    emit(app, None, &Emission { target: Target::Room(channel(user)), event: "presence:changed", data });
}

fn watched(socket: &SocketRef) -> Vec<String> {
    let rooms = socket.rooms().into_iter().map(String::from);
    rooms.filter(|room| room.starts_with(PREFIX)).collect()
}

fn channel(user: UserId) -> String {
    format!("{PREFIX}{user}")
}
