//! Chat rooms that are open to everybody and kept nowhere.

use serde::Deserialize;
use serde_json::json;

use super::backplane::SocketRef;
use super::chess;
use super::reply::{EventError, Reaction, Target};
use super::session::Session;
use crate::domain::{FieldError, MessageId, Timestamp, Validator, limit};

/// Chat rooms and chess rooms that one socket may be in.
const MOST_ROOMS: usize = 64;

/// Of the Socket.IO rooms that are chat rooms.
const PREFIX: &str = "room:";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByName {
    room: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    room: String,
    text: String,
}

pub fn join(session: &Session, socket: &SocketRef, ask: &ByName) -> Result<Reaction, EventError> {
    Validator::default().text("room", &ask.room, limit::ROOM).finish().map_err(|e| refuse(&e))?;
    check_place(socket)?;
    let room = channel(&ask.room);
    socket.join(room.clone());
    let members = session.app.sockets().map_or(0, |sockets| sockets.to(room).sockets().len());
    Ok(Reaction::ack(json!({ "members": members })))
}

pub fn send(session: &Session, socket: &SocketRef, ask: &Say) -> Result<Reaction, EventError> {
    Validator::default().text("text", &ask.text, limit::MESSAGE).finish().map_err(|e| refuse(&e))?;
    let room = channel(&ask.room);
    if !socket.rooms().iter().any(|joined| *joined == room) {
        return Err(EventError { code: "not_in_room", message: "join the room first".into() });
    }
    let (id, sent_at) = (MessageId::new(), Timestamp::now().millis_f64());
    let told = json!({
        "id": id, "room": ask.room, "from": session.person.id, "fromName": session.person.name,
        "text": ask.text, "sentAt": sent_at,
    });
    let ack = Reaction::ack(json!({ "id": id, "sentAt": sent_at }));
    Ok(ack.then(Target::Others(room), "room:message", told))
}

pub fn leave(socket: &SocketRef, ask: &ByName) -> Result<Reaction, EventError> {
    socket.leave(channel(&ask.room));
    Ok(Reaction::default())
}

/// Refuses a socket that is in as many rooms as it may be, of whichever kind.
pub fn check_place(socket: &SocketRef) -> Result<(), EventError> {
    let is_place = |room: &str| room.starts_with(PREFIX) || room.starts_with(chess::PREFIX);
    if socket.rooms().iter().filter(|room| is_place(room)).count() < MOST_ROOMS {
        return Ok(());
    }
    let message = format!("a socket may be in {MOST_ROOMS} rooms: leave one first");
    Err(EventError { code: "too_many_rooms", message })
}

fn refuse(errors: &[FieldError]) -> EventError {
    let told: Vec<String> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
    EventError::bad_request(told.join("; "))
}

/// The Socket.IO room of a chat room.
fn channel(room: &str) -> String {
    format!("{PREFIX}{room}")
}
