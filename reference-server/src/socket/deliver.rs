//! Events for users, wherever their sockets are. Each instance knows its own users, so a socket needs
//! no Socket.IO room (nor its memory) for being somebody's.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::games::STATES;
use super::reply::count_dropped;
use crate::app::App;
use crate::domain::{Notification, Notified, UserId};
use crate::redis::Notice;

/// The channel of these events.
const USERS: &str = "userEvents";

#[derive(Serialize, Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    instance: Cow<'a, str>,
    user: UserId,
    #[serde(borrow)]
    event: Cow<'a, str>,
    data: Cow<'a, Value>,
}

/// Sends an event to all sockets of a user.
pub fn to_user(app: &App, user: UserId, event: &str, data: &Value) {
    to_user_here(app, user, event, data);
    let Some(redis) = app.redis.as_ref().filter(|_| app.config.spans_instances()) else { return };
    let instance = Cow::Borrowed(&*app.live.instance);
    let told = Told { instance, user, event: event.into(), data: Cow::Borrowed(data) };
    if let Ok(message) = serde_json::to_vec(&told) {
        redis.publish(USERS, message);
    }
}

fn to_user_here(app: &App, user: UserId, event: &str, data: &Value) {
    for socket in app.live.users.of(user) {
        if let Some(socket) = app.socket(socket) {
            count_dropped(app, socket.emit(event, data));
        }
    }
}

/// Shows a notification to the sockets of the user that it is for.
pub fn notify(app: &App, user: UserId, notification: &Notification) {
    to_user(app, user, "notification:new", &json!(notification));
}

/// Shows whom a change notified, and gives what it led to.
pub fn tell<T>(app: &App, Notified { outcome, told }: Notified<T>) -> T {
    if let Some((user, notification)) = &told {
        notify(app, *user, notification);
    }
    outcome
}

/// Hears the other instances, and tells them when they cannot have heard this one, until it is dropped.
pub async fn hear_others(app: Arc<App>) {
    let Some(redis) = &app.redis else { return };
    let (mut users, mut states) = (redis.subscribe(USERS), redis.subscribe(STATES));
    let mut availability = redis.availability();
    loop {
        tokio::select! {
            notice = users.recv() => match notice {
                Some(Notice::Message(message)) => deliver(&app, &message),
                Some(Notice::Interrupted) => {}
                None => return,
            },
            notice = states.recv() => match notice {
                Some(Notice::Message(message)) => app.live.games.hear(&app, &message),
                Some(Notice::Interrupted) => app.live.missed.notify_one(),
                None => return,
            },
            () = redis.lost() => app.live.games.confess(),
            changed = availability.changed() => match changed {
                Ok(()) if *availability.borrow_and_update() => app.live.games.confess(),
                Ok(()) => {}
                Err(_) => return,
            },
        }
    }
}

fn deliver(app: &App, message: &[u8]) {
    match serde_json::from_slice(message) {
        Ok(Told { instance, .. }) if *instance == *app.live.instance => {}
        Ok(Told { user, event, data, .. }) => to_user_here(app, user, &event, &data),
        Err(failure) => tracing::warn!(%failure, "another instance sent what is no event"),
    }
}
