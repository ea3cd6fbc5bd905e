//! Events for users, wherever their sockets are.

use serde_json::{Value, json};

use super::reply::{Emission, Target, emit};
use crate::app::App;
use crate::domain::{Notification, Notified, UserId};

/// Sends an event to every socket of a user.
pub fn to_user(app: &App, user: UserId, event: &'static str, data: &Value) {
    for socket in app.live.users.of(user) {
        emit(app, None, &Emission { target: Target::Socket(socket), event, data: data.clone() });
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
