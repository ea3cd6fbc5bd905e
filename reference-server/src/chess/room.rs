//! A chess room: two seats, a game, and who may do what in it.

use std::time::{Duration, Instant};

use socketioxide::socket::Sid;

use super::{Ended, Game, IllegalMove, RoomCode, Side, Status};
use crate::domain::{Person, RoomId, UserId};

/// Somebody at one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Who it is.
    pub person: Person,
    /// The socket that events are sent to.
    pub socket: Sid,
}

/// What a room refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no such room, or no longer.
    #[error("there is no such room")]
    Unknown,
    /// Both seats are taken.
    #[error("both seats of this room are taken")]
    Full,
    /// The creator cannot be the opponent too.
    #[error("you cannot play against yourself")]
    Yourself,
    /// Only the two players may.
    #[error("you do not play in this room")]
    NotAPlayer,
    /// Nobody sits on the other side yet.
    #[error("the game has not started")]
    NotStarted,
    /// It is the opponent's turn.
    #[error("it is not your turn")]
    NotYourTurn,
    /// The game has ended.
    #[error("the game is over")]
    Over,
    /// The rules do not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
}

/// A move that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Number of the move, counted from 1 over both sides.
    pub ply: usize,
    /// The move in UCI notation.
    pub uci: String,
    /// Who made it.
    pub by: Side,
    /// The position after it.
    pub fen: String,
    /// The state after it.
    pub status: Status,
    /// Set when the move ended the game.
    pub ended: Option<Ended>,
}

/// A chair at the board. It stays its player's while the socket is away.
#[derive(Debug, Clone)]
struct Seat {
    occupant: Occupant,
    present: bool,
}

/// A room, from its creation until it expires.
#[derive(Debug, Clone)]
pub struct Room {
    id: RoomId,
    code: RoomCode,
    white: Seat,
    black: Option<Seat>,
    game: Game,
    touched: Instant,
}

impl Room {
    /// A room whose creator plays White and waits.
    pub fn new(code: RoomCode, white: Occupant, now: Instant) -> Self {
        let white = Seat { occupant: white, present: true };
        Self { id: RoomId::new(), code, white, black: None, game: Game::default(), touched: now }
    }

    /// The room.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The code that leads to it.
    pub fn code(&self) -> RoomCode {
        self.code
    }

    /// The game.
    pub fn game(&self) -> &Game {
        &self.game
    }

    /// Who opened the room, and plays White.
    pub fn creator(&self) -> &Occupant {
        &self.white.occupant
    }

    /// Both players, White first, once both are known.
    pub fn players(&self) -> Option<(&Occupant, &Occupant)> {
        self.black.as_ref().map(|black| (&self.white.occupant, &black.occupant))
    }

    /// Takes the free seat.
    pub fn join(&mut self, black: Occupant, now: Instant) -> Result<(), RoomError> {
        if self.white.occupant.person.id == black.person.id {
            return Err(RoomError::Yourself);
        }
        if self.black.is_some() {
            return Err(RoomError::Full);
        }
        self.black = Some(Seat { occupant: black, present: true });
        self.touched = now;
        Ok(())
    }

    /// Plays a player's move.
    pub fn play(&mut self, player: UserId, uci: &str, now: Instant) -> Result<Played, RoomError> {
        let by = self.running_side_of(player)?;
        if self.game.turn() != by {
            return Err(RoomError::NotYourTurn);
        }
        self.game.play(uci)?;
        self.touched = now;
        Ok(Played {
            ply: self.game.moves().len(),
            uci: uci.to_owned(),
            by,
            fen: self.game.fen(),
            status: self.game.status(),
            ended: self.game.ended(),
        })
    }

    /// Gives up for a player.
    pub fn resign(&mut self, player: UserId, now: Instant) -> Result<Ended, RoomError> {
        let side = self.running_side_of(player)?;
        self.game.resign(side);
        self.touched = now;
        self.game.ended().ok_or(RoomError::NotStarted)
    }

    /// Puts a player back at the board with another socket.
    pub fn resume(&mut self, player: &Occupant, now: Instant) -> Result<Side, RoomError> {
        let side = self.side_of(player.person.id).ok_or(RoomError::NotAPlayer)?;
        if let Some(seat) = self.seat_mut(side) {
            *seat = Seat { occupant: player.clone(), present: true };
        }
        self.touched = now;
        Ok(side)
    }

    /// Notes that a socket went away; tells which side it played, when it sat at the board.
    pub fn leave(&mut self, socket: Sid, now: Instant) -> Option<Side> {
        let side = [Side::White, Side::Black].into_iter().find(|side| {
            self.seat(*side).is_some_and(|seat| seat.present && seat.occupant.socket == socket)
        })?;
        if let Some(seat) = self.seat_mut(side) {
            seat.present = false;
        }
        self.touched = now;
        Some(side)
    }

    /// The side that a person plays.
    pub fn side_of(&self, person: UserId) -> Option<Side> {
        [Side::White, Side::Black]
            .into_iter()
            .find(|side| self.seat(*side).is_some_and(|seat| seat.occupant.person.id == person))
    }

    /// Whether the room has outlived its use: too old, or ended or deserted for `orphan_ttl`.
    pub fn is_expired(&self, now: Instant, room_ttl: Duration, orphan_ttl: Duration) -> bool {
        let age = now.saturating_duration_since(self.touched);
        let deserted = !self.white.present && self.black.as_ref().is_none_or(|seat| !seat.present);
        age >= room_ttl || (age >= orphan_ttl && (deserted || self.game.ended().is_some()))
    }

    fn running_side_of(&self, player: UserId) -> Result<Side, RoomError> {
        let side = self.side_of(player).ok_or(RoomError::NotAPlayer)?;
        if self.black.is_none() {
            return Err(RoomError::NotStarted);
        }
        if self.game.ended().is_some() {
            return Err(RoomError::Over);
        }
        Ok(side)
    }

    fn seat(&self, side: Side) -> Option<&Seat> {
        match side {
            Side::White => Some(&self.white),
            Side::Black => self.black.as_ref(),
        }
    }

    fn seat_mut(&mut self, side: Side) -> Option<&mut Seat> {
        match side {
            Side::White => Some(&mut self.white),
            Side::Black => self.black.as_mut(),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn occupant(name: &str) -> Occupant {
        let person = Person { id: UserId::new(), username: name.into(), name: name.into() };
        Occupant { person, socket: Sid::new() }
    }

    fn started() -> (Room, Occupant, Occupant, Instant) {
        let (white, black, now) = (occupant("ada"), occupant("bob"), Instant::now());
        let mut room = Room::new(RoomCode::random(), white.clone(), now);
        room.join(black.clone(), now).unwrap();
        (room, white, black, now)
    }

    #[test]
    fn players_move_in_turn() {
        let (mut room, white, black, now) = started();
        assert_eq!(room.play(black.person.id, "e7e5", now), Err(RoomError::NotYourTurn));
        let played = room.play(white.person.id, "e2e4", now).unwrap();
        assert_eq!((played.ply, played.by, played.status), (1, Side::White, Status::Playing));
        assert_eq!(room.play(black.person.id, "e7e4", now), Err(RoomError::Illegal(IllegalMove)));
        assert_eq!(room.play(black.person.id, "e7e5", now).unwrap().ply, 2);
    }

    #[test]
    fn only_players_of_a_running_game_may_act() {
        let (mut room, white, black, now) = started();
        assert_eq!(room.play(UserId::new(), "e2e4", now), Err(RoomError::NotAPlayer));
        assert_eq!(room.resign(black.person.id, now).unwrap().result, crate::chess::game::GameResult::White);
        assert_eq!(room.play(white.person.id, "e2e4", now), Err(RoomError::Over));
        assert_eq!(room.resign(white.person.id, now), Err(RoomError::Over));
    }

    #[test]
    fn a_seat_is_taken_once_and_never_by_its_neighbour() {
        let (white, now) = (occupant("ada"), Instant::now());
        let mut room = Room::new(RoomCode::random(), white.clone(), now);
        assert_eq!(room.play(white.person.id, "e2e4", now), Err(RoomError::NotStarted));
        assert_eq!(room.join(white, now), Err(RoomError::Yourself));
        assert_eq!(room.join(occupant("bob"), now), Ok(()));
        assert_eq!(room.join(occupant("eve"), now), Err(RoomError::Full));
    }

    #[test]
    fn a_player_comes_back_with_another_socket() {
        let (mut room, white, _, now) = started();
        assert_eq!(room.leave(white.socket, now), Some(Side::White));
        assert_eq!(room.leave(white.socket, now), None, "the socket left already");
        let back = Occupant { socket: Sid::new(), ..white };
        assert_eq!(room.resume(&back, now), Ok(Side::White));
        assert_eq!(room.players().unwrap().0, &back);
        assert_eq!(room.resume(&occupant("eve"), now), Err(RoomError::NotAPlayer));
    }

    #[test]
    fn rooms_expire_by_age_and_orphans_sooner() {
        let (ttl, orphan) = (Duration::from_secs(3_600), Duration::from_secs(60));
        let (mut room, white, black, now) = started();
        assert!(!room.is_expired(now + orphan, ttl, orphan), "both are there");
        assert!(room.is_expired(now + ttl, ttl, orphan));
        room.leave(white.socket, now);
        assert!(!room.is_expired(now + orphan, ttl, orphan), "one is there");
        room.leave(black.socket, now);
        assert!(room.is_expired(now + orphan, ttl, orphan), "nobody is there");
        let (mut over, white, _, now) = started();
        over.resign(white.person.id, now).unwrap();
        assert!(!over.is_expired(now, ttl, orphan));
        assert!(over.is_expired(now + orphan, ttl, orphan));
    }
}
