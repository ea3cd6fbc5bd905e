//! One authenticated socket, from its handshake to its end.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use socketioxide::extract::{Event, SocketRef, TryData};
use socketioxide::socket::Sid;

use super::reply::Reply;
use super::watch::presence_changed;
use super::{chess, dispatch};
use crate::app::App;
use crate::chess::Occupant;
use crate::domain::Person;
use crate::security::BadToken;

/// The `auth` of the client.
#[derive(Debug, Deserialize)]
pub struct Handshake {
    token: String,
}

/// Who sits at a socket. The socket's handlers own it, so it ends with the socket, however that ends.
pub struct Session {
    /// The server's parts.
    pub app: Arc<App>,
    /// Who it is.
    pub person: Person,
    /// Which socket it is.
    pub socket: Sid,
}

impl Session {
    /// The same in the words of chess.
    pub fn occupant(&self) -> Occupant {
        Occupant { person: self.person.clone(), socket: self.socket }
    }
}

impl Drop for Session {
    /// Also covers a connection that was lost during its handshake, which has no disconnect event. Whoever lets go
    /// of the last reference may hold a lock of the sockets, so the others are told from a task.
    fn drop(&mut self) {
        let (app, user) = (Arc::clone(&self.app), self.person.id);
        if app.live.users.remove(user, self.socket)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { presence_changed(&app, user) });
        }
    }
}

/// Checks the token and makes the socket ready. Runs before the client is told that it is connected.
pub fn admit(app: &Arc<App>, socket: &SocketRef, handshake: Option<Handshake>) -> Result<(), BadToken> {
    let person = app.tokens.check(&handshake.ok_or(BadToken)?.token)?;
    let session = Arc::new(Session { app: Arc::clone(app), person, socket: socket.id });
    if app.live.users.add(session.person.id, socket.id) {
        presence_changed(app, session.person.id);
    }
    let ending = Arc::clone(&session);
    socket.on_disconnect(async move || end(&ending));
    socket.on_fallback(
        move |socket: SocketRef, Event(name): Event, payload: TryData<Value>, reply: Reply| {
            dispatch::dispatch(&session, socket, &name, payload.0.ok(), reply)
        },
    );
    Ok(())
}

fn end(session: &Session) {
    if session.app.live.users.remove(session.person.id, session.socket) {
        presence_changed(&session.app, session.person.id);
    }
    session.app.live.matchmaker().remove(&session.occupant());
    chess::disconnected(session);
}
