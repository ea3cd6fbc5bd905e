//! Chess without a transport: the rules, rooms with their seats, short codes and matchmaking. Plain values and
//! functions; `socket::chess` connects them to players.

mod code;
mod game;
mod matchmaker;
mod material;
mod room;

pub use code::RoomCode;
pub use game::{Ended, Game, IllegalMove, Side, Status};
pub use matchmaker::Matchmaker;
#[cfg(test)]
pub use room::tests;
pub use room::{Occupant, Played, Room, RoomError};
