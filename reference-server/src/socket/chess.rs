//! Chess over sockets: finds the room, lets it decide, and tells everybody who should know.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};
use socketioxide::extract::SocketRef;

use super::reply::{Emission, EventError, Reaction, Target, emit};
use super::session::Session;
use crate::app::App;
use crate::chess::{Ended, Occupant, Played, Room, RoomError, Side};
use crate::domain::RoomId;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByCode {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ById {
    room_id: RoomId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Move {
    room_id: RoomId,
    r#move: String,
}

impl From<RoomError> for EventError {
    fn from(refused: RoomError) -> Self {
        let code = match refused {
            RoomError::Unknown => "unknown_room",
            RoomError::Full => "room_full",
            RoomError::Yourself => "own_room",
            RoomError::NotAPlayer => "not_a_player",
            RoomError::NotStarted => "not_started",
            RoomError::NotYourTurn => "not_your_turn",
            RoomError::Over => "game_over",
            RoomError::Illegal(_) => "illegal_move",
        };
        Self { code, message: refused.to_string() }
    }
}

pub fn create(session: &Session, socket: &SocketRef, _: Nothing) -> Reaction {
    let (room, code) = session.app.live.games.open(session.occupant(), Instant::now());
    enter(&session.app, socket, &session.occupant(), room);
    Reaction::ack(json!({ "room": { "code": code, "roomId": room }, "color": Side::White }))
}

pub fn join(session: &Session, socket: &SocketRef, ask: &ByCode) -> Result<Reaction, EventError> {
    let games = &session.app.live.games;
    let black = session.occupant();
    let room = games.with(games.find(&ask.code)?, |room| {
        room.join(black.clone(), Instant::now())?;
        Ok(room.clone())
    })?;
    session.app.live.matchmaker().remove(&black);
    enter(&session.app, socket, &black, room.id());
    let ack =
        json!({ "roomId": room.id(), "code": room.code(), "color": Side::Black, "fen": room.game().fen() });
    Ok(start(Reaction::ack(ack), &room))
}

/// Whoever has waited longer plays White.
pub fn find(session: &Session, socket: &SocketRef, _: Nothing) -> Reaction {
    let (app, black) = (&session.app, session.occupant());
    let Some((white, white_socket)) = next_opponent(app, &black) else {
        return Reaction::ack(json!({ "waiting": true }));
    };
    let now = Instant::now();
    let (id, _) = app.live.games.open(white.clone(), now);
    let joined = app.live.games.with(id, |room| {
        room.join(black.clone(), now)?;
        Ok(room.clone())
    });
    let Ok(room) = joined else { return Reaction::ack(json!({ "waiting": true })) };
    enter(app, &white_socket, &white, id);
    enter(app, socket, &black, id);
    let ack = json!({ "waiting": false, "roomId": id, "code": room.code(), "color": Side::Black });
    start(Reaction::ack(ack), &room)
}

/// Passes over players whose sockets have gone but have not been taken out yet.
fn next_opponent(app: &App, seeker: &Occupant) -> Option<(Occupant, SocketRef)> {
    loop {
        let found = app.live.matchmaker().seek(seeker)?;
        if let Some(socket) = app.io.get_socket(found.socket) {
            return Some((found, socket));
        }
    }
}

pub fn spectate(session: &Session, socket: &SocketRef, ask: &ByCode) -> Result<Reaction, EventError> {
    let games = &session.app.live.games;
    let state = games.with(games.find(&ask.code)?, |room| {
        socket.join(channel(room.id()));
        Ok(state_of(room))
    })?;
    Ok(Reaction::ack(state))
}

pub fn play(session: &Session, ask: &Move) -> Result<Reaction, EventError> {
    let Move { room_id, r#move } = ask;
    let player = session.person.id;
    let (played, players) = session.app.live.games.with(*room_id, |room| {
        let played = room.play(player, r#move, Instant::now())?;
        Ok((played, ids_of(room)))
    })?;
    let Played { ply, uci, by, fen, status, ended } = played;
    let reason = ended.map(|end| end.reason);
    let ack = json!({ "ply": ply, "fen": fen, "status": status, "reason": reason });
    let told = json!({
        "roomId": room_id, "ply": ply, "move": uci, "by": by, "fen": fen, "status": status, "reason": reason,
    });
    let reaction = Reaction::ack(ack).then(Target::Others(channel(*room_id)), "chess:move", told);
    Ok(match ended {
        Some(ended) => end(&session.app, reaction, *room_id, ended, &players),
        None => reaction,
    })
}

pub fn resign(session: &Session, ask: &ById) -> Result<Reaction, EventError> {
    let player = session.person.id;
    let (ended, players) = session.app.live.games.with(ask.room_id, |room| {
        let ended = room.resign(player, Instant::now())?;
        Ok((ended, ids_of(room)))
    })?;
    let ack = json!({ "result": ended.result, "reason": ended.reason });
    Ok(end(&session.app, Reaction::ack(ack), ask.room_id, ended, &players))
}

pub fn resume(session: &Session, socket: &SocketRef, ask: &ById) -> Result<Reaction, EventError> {
    let player = session.occupant();
    let (side, mut state) = session.app.live.games.with(ask.room_id, |room| {
        let side = room.resume(&player, Instant::now())?;
        Ok((side, state_of(room)))
    })?;
    enter(&session.app, socket, &player, ask.room_id);
    state["color"] = json!(side);
    let told = json!({ "roomId": ask.room_id, "color": side });
    Ok(Reaction::ack(state).then(Target::Others(channel(ask.room_id)), "chess:resumed", told))
}

/// The socket of a player has gone. The game stays, and can be resumed.
pub fn disconnected(session: &Session) {
    if let Some(room) = session.app.live.active.get(session.person.id) {
        leave(&session.app, &session.occupant(), room);
    }
}

/// A room has expired: its players are nowhere any more.
pub fn forget(app: &App, room: &Room) {
    for player in ids_of(room) {
        app.live.active.leave(player, room.id());
    }
}

fn enter(app: &App, socket: &SocketRef, player: &Occupant, room: RoomId) {
    socket.join(channel(room));
    if let Some(before) = app.live.active.enter(player.person.id, room) {
        socket.leave(channel(before));
        leave(app, player, before);
    }
}

fn leave(app: &App, player: &Occupant, room: RoomId) {
    let left = app.live.games.with(room, |room| Ok(room.leave(player.socket, Instant::now())));
    if let Ok(Some(side)) = left {
        let data = json!({ "roomId": room, "color": side });
        emit(app, None, &Emission { target: Target::Room(channel(room)), event: "chess:left", data });
    }
}

fn start(reaction: Reaction, room: &Room) -> Reaction {
    let Some((white, black)) = room.players() else { return reaction };
    let told = |side| {
        json!({
            "roomId": room.id(), "code": room.code(), "white": player(white), "black": player(black),
            "color": side, "fen": room.game().fen(),
        })
    };
    reaction.then(Target::Socket(white.socket), "chess:start", told(Side::White)).then(
        Target::Socket(black.socket),
        "chess:start",
        told(Side::Black),
    )
}

fn end(
    app: &App,
    reaction: Reaction,
    room: RoomId,
    Ended { result, reason }: Ended,
    players: &[crate::domain::UserId],
) -> Reaction {
    for player in players {
        app.live.active.leave(*player, room);
    }
    let told = json!({ "roomId": room, "result": result, "reason": reason });
    reaction.then(Target::Room(channel(room)), "chess:end", told)
}

fn state_of(room: &Room) -> Value {
    let players = room.players();
    json!({
        "roomId": room.id(), "code": room.code(), "fen": room.game().fen(), "moves": room.game().moves(),
        "status": room.game().status(), "turn": room.game().turn(),
        "white": player(room.creator()), "black": players.map(|(_, black)| player(black)),
    })
}

fn player(occupant: &Occupant) -> Value {
    json!({ "id": occupant.person.id, "name": occupant.person.name })
}

fn ids_of(room: &Room) -> Vec<crate::domain::UserId> {
    let black = room.players().map(|(_, black)| black.person.id);
    [room.creator().person.id].into_iter().chain(black).collect()
}

/// The Socket.IO room of a chess room.
fn channel(room: RoomId) -> String {
    format!("chess:{room}")
}
