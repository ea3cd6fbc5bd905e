//! Chess over sockets: finds the room, lets it decide, and tells everybody who should know.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use socketioxide::extract::SocketRef;

use super::reply::{Emission, EventError, Reaction, Target, emit};
use super::rooms;
use super::session::Session;
use crate::app::App;
use crate::chess::{DrawAnswer, Ended, GameResult, Occupant, Played, Room, RoomError, Side, TimeControl};
use crate::domain::{ChessPost, RoomId, Timestamp, UserId};

/// Of the Socket.IO rooms that are chess rooms.
pub const PREFIX: &str = "chess:";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    clock: Option<TimeControl>,
}

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

pub fn create(session: &Session, socket: &SocketRef, ask: &Create) -> Reaction {
    let (room, code) = session.app.live.games.open(session.occupant(), ask.clock, Timestamp::now());
    enter(&session.app, socket, &session.occupant(), room);
    let told = json!({ "code": code, "roomId": room, "clock": ask.clock });
    Reaction::ack(json!({ "room": told, "color": Side::White }))
}

pub fn join(session: &Session, socket: &SocketRef, ask: &ByCode) -> Result<Reaction, EventError> {
    let games = &session.app.live.games;
    let black = session.occupant();
    let room = games.with(games.find(&ask.code)?, |room| {
        room.join(black.clone(), Timestamp::now())?;
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
    let now = Timestamp::now();
    let (id, _) = app.live.games.open(white.clone(), None, now);
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
    rooms::check_place(socket)?;
    let (games, now) = (&session.app.live.games, Timestamp::now());
    let (room, flagged) = games.with(games.find(&ask.code)?, |room| {
        let flagged = room.call_flag(now);
        Ok((room.clone(), flagged))
    })?;
    socket.join(channel(room.id()));
    Ok(told_of_flag(&session.app, Reaction::ack(state_of(&room, now)), &room, flagged))
}

pub fn play(session: &Session, ask: &Move) -> Result<Reaction, EventError> {
    let Move { room_id, r#move } = ask;
    let player = session.person.id;
    let (played, players) = attempt(&session.app, *room_id, |room, now| {
        let played = room.play(player, r#move, now)?;
        Ok((played, ids_of(room)))
    })?;
    let Played { ply, uci, by, fen, status, ended, clocks } = played;
    let reason = ended.map(|end| end.reason);
    let ack = json!({ "ply": ply, "fen": fen, "status": status, "reason": reason, "clocks": clocks });
    let told = json!({
        "roomId": room_id, "ply": ply, "move": uci, "by": by, "fen": fen, "status": status, "reason": reason,
        "clocks": clocks,
    });
    let reaction = Reaction::ack(ack).then(Target::Others(channel(*room_id)), "chess:move", told);
    Ok(match ended {
        Some(ended) => end(&session.app, reaction, *room_id, ended, &players),
        None => reaction,
    })
}

pub fn resign(session: &Session, ask: &ById) -> Result<Reaction, EventError> {
    let player = session.person.id;
    let (ended, players) = attempt(&session.app, ask.room_id, |room, now| {
        let ended = room.resign(player, now)?;
        Ok((ended, ids_of(room)))
    })?;
    let ack = json!({ "result": ended.result, "reason": ended.reason });
    Ok(end(&session.app, Reaction::ack(ack), ask.room_id, ended, &players))
}

/// Offers a draw, or takes the opponent's offer.
pub fn draw(session: &Session, ask: &ById) -> Result<Reaction, EventError> {
    let player = session.person.id;
    let (answer, players) = attempt(&session.app, ask.room_id, |room, now| {
        let answer = room.offer_draw(player, now)?;
        Ok((answer, ids_of(room)))
    })?;
    let offered = Reaction::ack(json!({ "status": "offered" }));
    Ok(match answer {
        DrawAnswer::Stands => offered,
        DrawAnswer::Offered(side) => {
            let told = json!({ "roomId": ask.room_id, "by": side });
            offered.then(Target::Others(channel(ask.room_id)), "chess:draw-offered", told)
        }
        DrawAnswer::Agreed(ended) => {
            let ack = json!({ "status": "agreed", "result": ended.result, "reason": ended.reason });
            end(&session.app, Reaction::ack(ack), ask.room_id, ended, &players)
        }
    })
}

pub fn resume(session: &Session, socket: &SocketRef, ask: &ById) -> Result<Reaction, EventError> {
    let (player, now) = (session.occupant(), Timestamp::now());
    let (side, room, flagged) = session.app.live.games.with(ask.room_id, |room| {
        let side = room.resume(&player, now)?;
        let flagged = room.call_flag(now);
        Ok((side, room.clone(), flagged))
    })?;
    enter(&session.app, socket, &player, ask.room_id);
    let mut state = state_of(&room, now);
    state["color"] = json!(side);
    let told = json!({ "roomId": ask.room_id, "color": side });
    let reaction = Reaction::ack(state).then(Target::Others(channel(ask.room_id)), "chess:resumed", told);
    Ok(told_of_flag(&session.app, reaction, &room, flagged))
}

/// A player who leaves keeps the seat, and may resume.
pub fn depart(session: &Session, socket: &SocketRef, ask: &ById) -> Reaction {
    socket.leave(channel(ask.room_id));
    session.app.live.active.leave(session.person.id, ask.room_id);
    leave(&session.app, &session.occupant(), ask.room_id);
    Reaction::default()
}

/// The game of a room as a post of one of its players shows it.
pub fn game_to_post(app: &App, room: RoomId, player: UserId) -> Result<ChessPost, RoomError> {
    app.live.games.with(room, |room| room.to_post(player))
}

/// Writes the result into the posts about a game. Whoever plays does not wait for it.
pub async fn end_posts(app: &App, room: RoomId, result: GameResult) {
    if let Err(failure) = app.store.end_game(room, result.as_str().into()).await {
        tracing::error!(%failure, %room, "the result is missing in the posts about a game");
    }
}

/// The sweep found a game of which a player's time is up.
pub fn time_is_up(app: &Arc<App>, room: &Room, ended: Ended) {
    let Reaction { emissions, .. } = end(app, Reaction::default(), room.id(), ended, &ids_of(room));
    emissions.iter().for_each(|emission| emit(app, None, emission));
}

/// Does something that only a running game allows, if the time of the side to move is not up.
fn attempt<T>(
    app: &Arc<App>,
    room: RoomId,
    act: impl FnOnce(&mut Room, Timestamp) -> Result<T, RoomError>,
) -> Result<T, EventError> {
    let now = Timestamp::now();
    let outcome = app.live.games.with(room, |room| match room.call_flag(now) {
        Some(ended) => Ok(Err((room.clone(), ended))),
        None => act(room, now).map(Ok),
    })?;
    outcome.map_err(|(room, ended)| {
        time_is_up(app, &room, ended);
        RoomError::Over.into()
    })
}

fn told_of_flag(app: &Arc<App>, reaction: Reaction, room: &Room, flagged: Option<Ended>) -> Reaction {
    match flagged {
        Some(ended) => end(app, reaction, room.id(), ended, &ids_of(room)),
        None => reaction,
    }
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
    let left = app.live.games.with(room, |room| Ok(room.leave(player.socket, Timestamp::now())));
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
            "color": side, "fen": room.game().fen(), "clocks": room.clocks(Timestamp::now()),
        })
    };
    reaction.then(Target::Socket(white.socket), "chess:start", told(Side::White)).then(
        Target::Socket(black.socket),
        "chess:start",
        told(Side::Black),
    )
}

fn end(
    app: &Arc<App>,
    reaction: Reaction,
    room: RoomId,
    Ended { result, reason }: Ended,
    players: &[UserId],
) -> Reaction {
    for player in players {
        app.live.active.leave(*player, room);
    }
    let shared = Arc::clone(app);
    app.events.spawn(async move { end_posts(&shared, room, result).await });
    let told = json!({ "roomId": room, "result": result, "reason": reason });
    reaction.then(Target::Room(channel(room)), "chess:end", told)
}

fn state_of(room: &Room, now: Timestamp) -> Value {
    let players = room.players();
    json!({
        "roomId": room.id(), "code": room.code(), "fen": room.game().fen(), "moves": room.game().moves(),
        "status": room.game().status(), "turn": room.game().turn(), "clocks": room.clocks(now),
        "drawOffer": room.draw_offer(),
        "white": player(room.creator()), "black": players.map(|(_, black)| player(black)),
    })
}

fn player(occupant: &Occupant) -> Value {
    json!({ "id": occupant.person.id, "name": occupant.person.name })
}

fn ids_of(room: &Room) -> Vec<UserId> {
    let black = room.players().map(|(_, black)| black.person.id);
    [room.creator().person.id].into_iter().chain(black).collect()
}

/// The Socket.IO room of a chess room.
fn channel(room: RoomId) -> String {
    format!("{PREFIX}{room}")
}
