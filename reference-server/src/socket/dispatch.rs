//! From the name of an event to its handler. Events are handled in the order in which their socket sent them, at
//! once or, where a handler waits for Redis, in a task of their own. Only `chat:send`, which waits for the store,
//! and the answer to `presence:watch` may be overtaken by others.

use std::future::{Ready, ready};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::backplane::SocketRef;
use super::reply::{EventError, Reaction, Reply};
use super::session::Session;
use super::turns::Turn;
use super::{chat, chess, rooms, watch};
use crate::domain::UserId;

/// What is left to do for an event.
pub type Handling = Either<Ready<()>, BoxFuture<'static, ()>>;

type Outcome = Result<Reaction, EventError>;

/// Handles one event. Without Redis nothing is awaited; with it, the events of a socket wait for one another.
pub fn dispatch(
    session: &Arc<Session>,
    socket: SocketRef,
    name: &str,
    payload: Option<Value>,
    reply: Reply,
) -> Handling {
    if name == chat::SEND {
        return Either::Right(Box::pin(send_chat(Arc::clone(session), socket, payload, reply)));
    }
    if name == watch::WATCH {
        let joined = parse(payload).and_then(|ask| watch::watch(&socket, ask));
        return Either::Right(Box::pin(look(Arc::clone(session), socket, joined, reply)));
    }
    if session.app.live.games.may_wait() {
        let turn = session.turns.take();
        let handling = in_turn(Arc::clone(session), socket, name.to_owned(), payload, reply, turn);
        return Either::Right(Box::pin(handling));
    }
    let handled = handle(session, &socket, name, payload).now_or_never();
    let (event, outcome) = handled.unwrap_or_else(|| ("unknown", Err(EventError::unavailable())));
    finish(session, &socket, event, reply, outcome);
    Either::Left(ready(()))
}

async fn in_turn(
    session: Arc<Session>,
    socket: SocketRef,
    name: String,
    payload: Option<Value>,
    reply: Reply,
    mut turn: Turn,
) {
    let _under_way = session.app.events.token();
    turn.come().await;
    let (event, outcome) = handle(&session, &socket, &name, payload).await;
    finish(&session, &socket, event, reply, outcome);
    session.turns.end(turn);
}

/// The event's name again, out of those that exist: metrics have no place for others.
async fn handle(
    session: &Session,
    socket: &SocketRef,
    name: &str,
    payload: Option<Value>,
) -> (&'static str, Outcome) {
    macro_rules! handlers {
        ($($event:literal => |$ask:ident| $handler:expr,)+) => {
            match name {
                $($event => ($event, match parse(payload) {
                    Ok($ask) => $handler,
                    Err(refused) => Err(refused),
                }),)+
                _ => ("unknown", Err(unknown(name))),
            }
        };
    }
    handlers! {
        "chess:create" => |ask| chess::create(session, &ask).await,
        "chess:join" => |ask| chess::join(session, &ask).await,
        "chess:find" => |ask| chess::find(session, ask).await,
        "chess:spectate" => |ask| chess::spectate(session, socket, &ask).await,
        "chess:move" => |ask| chess::play(session, &ask).await,
        "chess:resign" => |ask| chess::resign(session, &ask).await,
        "chess:draw" => |ask| chess::draw(session, &ask).await,
        "chess:leave" => |ask| Ok(chess::depart(session, socket, &ask).await),
        "chess:rejoin" => |ask| chess::resume(session, &ask).await,
        "chess:resume" => |ask| chess::resume(session, &ask).await,
        "chat:typing" => |ask| Ok(chat::typing(session, &ask)),
        "presence:unwatch" => |ask| Ok(watch::unwatch(socket, ask)),
        "room:join" => |ask| rooms::join(session, socket, &ask),
        "room:send" => |ask| rooms::send(session, socket, &ask),
        "room:leave" => |ask| rooms::leave(socket, &ask),
    }
}

async fn send_chat(session: Arc<Session>, socket: SocketRef, payload: Option<Value>, reply: Reply) {
    let _under_way = session.app.events.token();
    let outcome = match parse(payload) {
        Ok(ask) => chat::send(&session, ask).await,
        Err(error) => Err(error),
    };
    finish(&session, &socket, chat::SEND, reply, outcome);
}

async fn look(
    session: Arc<Session>,
    socket: SocketRef,
    joined: Result<Vec<UserId>, EventError>,
    reply: Reply,
) {
    let _under_way = session.app.events.token();
    let outcome = match joined {
        Ok(users) => Ok(watch::look(&session, &users).await),
        Err(error) => Err(error),
    };
    finish(&session, &socket, watch::WATCH, reply, outcome);
}

fn finish(session: &Session, socket: &SocketRef, event: &'static str, reply: Reply, outcome: Outcome) {
    session.app.telemetry.socket_event(event, outcome.is_ok());
    reply.send(&session.app, socket, outcome);
}

/// An event without a payload, or with JavaScript's `undefined`, counts as one with an empty object.
fn parse<T: DeserializeOwned>(payload: Option<Value>) -> Result<T, EventError> {
    let payload = payload.filter(|given| !given.is_null()).unwrap_or_else(|| json!({}));
    if !payload.is_object() {
        return Err(EventError::bad_request("the payload must be an object"));
    }
    serde_json::from_value(payload).map_err(|cause| EventError::bad_request(cause.to_string()))
}

fn unknown(name: &str) -> EventError {
    let shown: String = name.chars().take(64).collect();
    EventError { code: "unknown_event", message: format!("there is no event '{shown}'") }
}
