//! What players and spectators are told of a room.

use serde_json::{Value, json};

use crate::chess::{Occupant, Room, Side};
use crate::domain::{RoomId, Timestamp, UserId};
use crate::socket::reply::{Reaction, Target};

/// Of the Socket.IO rooms that are chess rooms.
pub const PREFIX: &str = "chess:";

/// And the start of the game, to both players.
pub fn start(reaction: Reaction, room: &Room) -> Reaction {
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

/// All that there is to know.
pub fn state_of(room: &Room, now: Timestamp) -> Value {
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

/// Whoever plays in it.
pub fn ids_of(room: &Room) -> Vec<UserId> {
    let black = room.players().map(|(_, black)| black.person.id);
    [room.creator().person.id].into_iter().chain(black).collect()
}

/// The Socket.IO room of a chess room.
pub fn channel(room: RoomId) -> String {
    format!("{PREFIX}{room}")
}
