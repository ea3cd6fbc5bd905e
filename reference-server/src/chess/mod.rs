//! Chess without a transport: the rules, rooms with their seats, short codes and matchmaking. Plain values and
//! functions; `socket::chess` connects them to players.

mod clock;
mod code;
mod game;
mod matchmaker;
mod material;
mod outcome;
mod room;
mod uci;

pub use clock::TimeControl;
pub use code::RoomCode;
pub use game::{Game, IllegalMove};
pub use matchmaker::Matchmaker;
pub use outcome::{Ended, GameResult, Side, Status};
#[cfg(test)]
pub use room::tests;
pub use room::{DrawAnswer, Occupant, Played, Room, RoomError, RoomRecord};
