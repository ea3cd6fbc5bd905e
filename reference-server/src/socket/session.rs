//! One authenticated socket, from its handshake to its end.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use socketioxide::extract::{Event, TryData};
use socketioxide::socket::{DisconnectReason, Sid};
use tokio::sync::Mutex;
use tracing::Instrument;

use super::backplane::SocketRef;
use super::limits::Incoming;
use super::presence::Added;
use super::reply::Reply;
use super::turns::Turns;
use super::{chess, watch};
use crate::app::App;
use crate::chess::Occupant;
use crate::domain::Person;
use crate::http::SessionCookieJar;
use crate::rate::{Action, Limited};
use crate::security::{BadToken, Identity};

/// The `auth` of the client. Pages whose browser keeps the token in a cookie send none.
#[derive(Debug, Default, Deserialize)]
pub struct Handshake {
    token: Option<String>,
}

/// Why a socket is not let in: the message of its `connect_error`, which starts with a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No token, or one that proves nothing.
    #[error("bad_token: {0}")]
    BadToken(#[from] BadToken),
    /// A cookie sent along by a page of another site.
    #[error("bad_origin: this page may not use the session's cookie")]
    Origin,
    /// The user has as many sockets as one may have.
    #[error("too_many_sockets: an account may have {0} sockets here: close one first")]
    TooMany(usize),
    /// The user has opened too many in a while.
    #[error("rate_limited: {0}")]
    Limited(#[from] Limited),
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::BadToken(_) => "bad_token",
            Self::Origin => "bad_origin",
            Self::TooMany(_) => "too_many_sockets",
            Self::Limited(_) => "rate_limited",
        }
    }
}

/// Who sits at a socket. The socket's handlers own it, so it ends with the socket, however that ends.
pub struct Session {
    /// The server's parts.
    pub app: Arc<App>,
    /// Who it is.
    pub person: Person,
    /// Which socket it is.
    pub socket: Sid,
    /// Whose verdict events wait for, where rate limits are shared.
    pub turn: Arc<Mutex<()>>,
    /// The order of its events.
    pub turns: Turns,
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
        let (app, user, socket) = (Arc::clone(&self.app), self.person.id, self.socket);
        if app.live.users.has(user, socket)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { watch::left(&app, user, socket) });
        }
    }
}

/// Checks the token and makes the socket ready. Runs before the client is told that it is connected.
pub async fn admit(app: &Arc<App>, socket: &SocketRef, handshake: Option<Handshake>) -> Result<(), Refused> {
    let admitted = enter(app, socket, handshake).await;
    app.telemetry.socket_connected(admitted.as_ref().map_or_else(Refused::code, |_| "ok"));
    let (person, turn, turns) = (admitted?, Arc::default(), Turns::default());
    let session = Arc::new(Session { app: Arc::clone(app), person, socket: socket.id, turn, turns });
    let ending = Arc::clone(&session);
    socket.on_disconnect(async move |reason: DisconnectReason| end(&ending, reason).await);
    socket.on_fallback(
        move |socket: SocketRef, Event(name): Event, payload: TryData<Value>, reply: Reply| {
            let span =
                tracing::debug_span!("event", event = %name, socket = %socket.id, user = %session.person.id);
            let (session, name, payload) = (Arc::clone(&session), name.to_string(), payload.0.ok());
            let handled = span.in_scope(|| Incoming { session, socket, name, payload, reply }.handle());
            handled.instrument(span)
        },
    );
    Ok(())
}

async fn enter(app: &App, socket: &SocketRef, handshake: Option<Handshake>) -> Result<Person, Refused> {
    let person = identify(app, socket, handshake)?.person;
    app.limiter.check(Action::Connection, person.id).await?;
    seat(app, socket, person)
}

fn seat(app: &App, socket: &SocketRef, person: Person) -> Result<Person, Refused> {
    let most = app.config.socket.max_per_user;
    match watch::came(app, person.id, socket.id, most) {
        Added::TooMany => Err(Refused::TooMany(most)),
        Added::First | Added::Further => Ok(person),
    }
}

/// The token of the handshake, or else the cookie, of a page that may use it.
fn identify(app: &App, socket: &SocketRef, handshake: Option<Handshake>) -> Result<Identity, Refused> {
    let headers = &socket.req_parts().headers;
    if let Some(token) = handshake.unwrap_or_default().token {
        return Ok(app.tokens.check(&token)?);
    }
    let jar = SessionCookieJar::of(app.config.security.cookies).ok_or(BadToken)?;
    let identity = app.tokens.check(jar.access(headers).ok_or(BadToken)?)?;
    if !app.origins.may_use_cookies(headers) {
        return Err(Refused::Origin);
    }
    Ok(identity)
}

/// Comes after all that the socket has sent.
async fn end(session: &Session, reason: DisconnectReason) {
    let _under_way = session.app.events.token();
    session.app.telemetry.socket_disconnected(reason);
    watch::left(&session.app, session.person.id, session.socket);
    let mut turn = {
        let _no_more_verdicts = session.turn.lock().await;
        session.turns.take()
    };
    turn.come().await;
    session.app.live.games.stop_seeking(&session.occupant()).await;
    chess::disconnected(session).await;
    session.turns.end(turn);
}
