//! Chess over sockets: finds the room, lets it decide, and tells everybody who should know. Rooms may be those of
//! all instances (`games`): what is done to one may be done twice, so it is told only afterwards.

mod told;

use std::sync::Arc;

use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::json;
use socketioxide::socket::Sid;

pub use self::told::PREFIX;
use self::told::{channel, ids_of, start, state_of};
use super::backplane::SocketRef;
use super::games::Certain;
use super::reply::{Emission, EventError, Reaction, Target, emit, emit_here};
use super::rooms;
use super::session::Session;
use crate::app::App;
use crate::chess::{DrawAnswer, Ended, GameResult, Occupant, Played, Room, RoomError, Side, TimeControl};
use crate::domain::{ChessPost, RoomId, Timestamp, UserId};
use crate::http::game_is_stale;

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

pub async fn create(session: &Session, ask: &Create) -> Result<Reaction, EventError> {
    let white = session.occupant();
    let room = session.app.live.games.open(white.clone(), ask.clock, Timestamp::now()).await?;
    enter(&session.app, &white, room.id()).await;
    let told = json!({ "code": room.code(), "roomId": room.id(), "clock": ask.clock });
    Ok(Reaction::ack(json!({ "room": told, "color": Side::White })))
}

pub async fn join(session: &Session, ask: &ByCode) -> Result<Reaction, EventError> {
    let (games, black) = (&session.app.live.games, session.occupant());
    let room = games.find(&ask.code).await?;
    let room = games
        .with(room, |room, _| {
            room.join(black.clone(), Timestamp::now())?;
            Ok(room.clone())
        })
        .await?;
    games.stop_seeking(&black).await;
    enter(&session.app, &black, room.id()).await;
    let ack =
        json!({ "roomId": room.id(), "code": room.code(), "color": Side::Black, "fen": room.game().fen() });
    Ok(start(Reaction::ack(ack), &room))
}

/// Whoever has waited longer plays White.
pub async fn find(session: &Session, _: Nothing) -> Result<Reaction, EventError> {
    let (app, black) = (&session.app, session.occupant());
    be_reachable(app, black.socket);
    let Some(white) = opponent(app, &black).await else {
        return Ok(Reaction::ack(json!({ "waiting": true })));
    };
    let room = pair(app, &white, &black).await?;
    let ack = json!({ "waiting": false, "roomId": room.id(), "code": room.code(), "color": Side::Black });
    Ok(start(Reaction::ack(ack), &room))
}

/// Redis is back: whoever began to wait without it now looks among all instances' players.
pub async fn seek_again(app: &App, seeker: Occupant) {
    if app.socket(seeker.socket).is_none() {
        return;
    }
    let Some(white) = opponent(app, &seeker).await else { return };
    if let Ok(room) = pair(app, &white, &seeker).await {
        let told = start(Reaction::default(), &room);
        told.emissions.iter().for_each(|emission| emit(app, None, emission));
    }
}

/// Passes over players whose sockets have gone but have not been taken out yet.
async fn opponent(app: &App, seeker: &Occupant) -> Option<Occupant> {
    app.live.games.seek(seeker, |socket| app.socket(socket).is_some()).await
}

async fn pair(app: &App, white: &Occupant, black: &Occupant) -> Result<Room, EventError> {
    let now = Timestamp::now();
    let opened = app.live.games.open(white.clone(), None, now).await;
    let room = opened.inspect_err(|_| app.live.games.put_back(white.clone()))?;
    let joined = app.live.games.with(room.id(), |room, _| {
        room.join(black.clone(), now)?;
        Ok(room.clone())
    });
    let room = joined.await?;
    enter(app, white, room.id()).await;
    enter(app, black, room.id()).await;
    Ok(room)
}

pub async fn spectate(session: &Session, socket: &SocketRef, ask: &ByCode) -> Result<Reaction, EventError> {
    rooms::check_place(socket)?;
    let (games, now) = (&session.app.live.games, Timestamp::now());
    let room = games.find(&ask.code).await?;
    let (room, flagged) = games
        .with(room, |room, certain| Ok((flag(room, certain, now), room.clone())))
        .await
        .map(|(f, r)| (r, f))?;
    socket.join(channel(room.id()));
    Ok(told_of_flag(&session.app, Reaction::ack(state_of(&room, now)), &room, flagged).await)
}

pub async fn play(session: &Session, ask: &Move) -> Result<Reaction, EventError> {
    let Move { room_id, r#move } = ask;
    let player = session.person.id;
    let (played, players) = attempt(&session.app, *room_id, |room, now| {
        let played = room.play(player, r#move, now)?;
        Ok((played, ids_of(room)))
    })
    .await?;
    let Played { ply, uci, by, fen, status, ended, clocks } = played;
    let reason = ended.map(|end| end.reason);
    let ack = json!({ "ply": ply, "fen": fen, "status": status, "reason": reason, "clocks": clocks });
    let told = json!({
        "roomId": room_id, "ply": ply, "move": uci, "by": by, "fen": fen, "status": status, "reason": reason,
        "clocks": clocks,
    });
    let reaction = Reaction::ack(ack).then(Target::Others(channel(*room_id)), "chess:move", told);
    Ok(match ended {
        Some(ended) => end(&session.app, reaction, *room_id, ended, &players).await,
        None => reaction,
    })
}

pub async fn resign(session: &Session, ask: &ById) -> Result<Reaction, EventError> {
    let player = session.person.id;
    let (ended, players) = attempt(&session.app, ask.room_id, |room, now| {
        let ended = room.resign(player, now)?;
        Ok((ended, ids_of(room)))
    })
    .await?;
    let ack = json!({ "result": ended.result, "reason": ended.reason });
    Ok(end(&session.app, Reaction::ack(ack), ask.room_id, ended, &players).await)
}

/// Offers a draw, or takes the opponent's offer.
pub async fn draw(session: &Session, ask: &ById) -> Result<Reaction, EventError> {
    let player = session.person.id;
    let (answer, players) = attempt(&session.app, ask.room_id, |room, now| {
        let answer = room.offer_draw(player, now)?;
        Ok((answer, ids_of(room)))
    })
    .await?;
    let offered = Reaction::ack(json!({ "status": "offered" }));
    Ok(match answer {
        DrawAnswer::Stands => offered,
        DrawAnswer::Offered(side) => {
            let told = json!({ "roomId": ask.room_id, "by": side });
            offered.then(Target::Others(channel(ask.room_id)), "chess:draw-offered", told)
        }
        DrawAnswer::Agreed(ended) => {
            let ack = json!({ "status": "agreed", "result": ended.result, "reason": ended.reason });
            end(&session.app, Reaction::ack(ack), ask.room_id, ended, &players).await
        }
    })
}

pub async fn resume(session: &Session, ask: &ById) -> Result<Reaction, EventError> {
    let (app, player, now) = (&session.app, session.occupant(), Timestamp::now());
    let resumed = app.live.games.with(ask.room_id, |room, certain| {
        let side = room.resume(&player, now)?;
        let flagged = flag(room, certain, now);
        Ok((side, room.clone(), flagged))
    });
    let (side, room, flagged) = resumed.await?;
    enter(app, &player, ask.room_id).await;
    let mut state = state_of(&room, now);
    state["color"] = json!(side);
    let told = json!({ "roomId": ask.room_id, "color": side });
    let reaction = Reaction::ack(state).then(Target::Others(channel(ask.room_id)), "chess:resumed", told);
    Ok(told_of_flag(app, reaction, &room, flagged).await)
}

/// A player who leaves keeps the seat, and may resume.
pub async fn depart(session: &Session, socket: &SocketRef, ask: &ById) -> Reaction {
    socket.leave(channel(ask.room_id));
    session.app.live.games.leave(session.person.id, ask.room_id).await;
    leave(&session.app, &session.occupant(), ask.room_id).await;
    Reaction::default()
}

/// The game of a room as a post of one of its players shows it.
pub async fn game_to_post(app: &App, room: RoomId, player: UserId) -> Result<ChessPost, RoomError> {
    app.live.games.look(room).await?.to_post(player)
}

/// Writes the result into the posts about a game. Whoever plays does not wait for it.
pub async fn end_posts(app: &Arc<App>, room: RoomId, result: GameResult) {
    if let Err(failure) = app.store.end_game(room, result.as_str().into()).await {
        return tracing::error!(%failure, %room, "the result is missing in the posts about a game");
    }
    let Ok(ended) = app.live.games.look(room).await else { return };
    let Some((white, black)) = ended.players() else { return };
    if let Err(failure) = game_is_stale(app, room, [white.person.id, black.person.id]).await {
        tracing::warn!(%failure, %room, "posts about a game stay stale until they expire");
    }
}

/// The sweep found a game of which a player's time seems to be up.
pub async fn call_flag(app: &Arc<App>, room: RoomId) {
    let now = Timestamp::now();
    let called = app.live.games.with(room, |room, certain| {
        let flagged = flag(room, certain, now).ok_or(RoomError::NotStarted)?;
        Ok((room.clone(), flagged))
    });
    if let Ok((room, ended)) = called.await {
        time_is_up(app, &room, ended).await;
    }
}

async fn time_is_up(app: &Arc<App>, room: &Room, ended: Ended) {
    let told = end(app, Reaction::default(), room.id(), ended, &ids_of(room)).await;
    told.emissions.iter().for_each(|emission| emit(app, None, emission));
}

/// A copy that may lack the last move does not know whose time runs.
fn flag(room: &mut Room, certain: Certain, now: Timestamp) -> Option<Ended> {
    certain.then(|| room.call_flag(now)).flatten()
}

/// Does something that only a running game allows, if the time of the side to move is not up.
async fn attempt<T: Send>(
    app: &Arc<App>,
    room: RoomId,
    mut act: impl FnMut(&mut Room, Timestamp) -> Result<T, RoomError> + Send,
) -> Result<T, EventError> {
    let now = Timestamp::now();
    let outcome = app.live.games.with(room, |room, certain| match flag(room, certain, now) {
        Some(ended) => Ok(Err((room.clone(), ended))),
        None => act(room, now).map(Ok),
    });
    match outcome.await? {
        Ok(done) => Ok(done),
        Err((room, ended)) => {
            time_is_up(app, &room, ended).await;
            Err(RoomError::Over.into())
        }
    }
}

async fn told_of_flag(app: &Arc<App>, reaction: Reaction, room: &Room, flagged: Option<Ended>) -> Reaction {
    match flagged {
        Some(ended) => end(app, reaction, room.id(), ended, &ids_of(room)).await,
        None => reaction,
    }
}

/// The socket of a player has gone. The game stays, and can be resumed.
pub async fn disconnected(session: &Session) {
    if let Some(room) = session.app.live.games.of(session.person.id) {
        leave(&session.app, &session.occupant(), room).await;
    }
}

/// A room has expired: its players are nowhere any more.
pub async fn forget(app: &App, room: &Room) {
    for player in ids_of(room) {
        app.live.games.leave(player, room.id()).await;
    }
}

/// The copy of a room turned out to be old: its sockets here may have missed events.
pub fn tell_state(app: &App, room: RoomId) {
    if let Some(kept) = app.live.games.rooms.get(room) {
        let state = state_of(&kept.room, Timestamp::now());
        emit_here(app, channel(room), "chess:sync", &state);
    }
}

async fn enter(app: &App, player: &Occupant, room: RoomId) {
    be_reachable(app, player.socket);
    match app.socket(player.socket) {
        Some(socket) => socket.join(channel(room)),
        None if app.config.spans_instances() => {
            // Never waits: the other instance is told by a message.
            let joining = app.sockets().map(|sockets| sockets.to(player.socket).join(channel(room)));
            let _ = joining.and_then(FutureExt::now_or_never);
        }
        None => {}
    }
    if let Some(before) = app.live.games.enter(player.person.id, room).await {
        if let Some(socket) = app.socket(player.socket) {
            socket.leave(channel(before));
        }
        leave(app, player, before).await;
    }
}

/// Lets other instances send to this socket alone, as long as it is at a board.
fn be_reachable(app: &App, socket: Sid) {
    if app.config.spans_instances()
        && let Some(here) = app.socket(socket)
    {
        here.join(socket);
    }
}

async fn leave(app: &App, player: &Occupant, room: RoomId) {
    let left = app
        .live
        .games
        .with(room, |room, _| room.leave(player.socket, Timestamp::now()).ok_or(RoomError::NotAPlayer));
    if let Ok(side) = left.await {
        let data = json!({ "roomId": room, "color": side });
        emit(app, None, &Emission { target: Target::Room(channel(room)), event: "chess:left", data });
    }
}

async fn end(
    app: &Arc<App>,
    reaction: Reaction,
    room: RoomId,
    Ended { result, reason }: Ended,
    players: &[UserId],
) -> Reaction {
    for player in players {
        app.live.games.leave(*player, room).await;
    }
    let shared = Arc::clone(app);
    app.events.spawn(async move { end_posts(&shared, room, result).await });
    let told = json!({ "roomId": room, "result": result, "reason": reason });
    reaction.then(Target::Room(channel(room)), "chess:end", told)
}
