//! A chess room: two seats, a game, and who may do what in it.

mod record;

use std::time::Duration;

use socketioxide::socket::Sid;

pub use record::RoomRecord;

use super::clock::{Clock, Clocks, TimeControl};
use super::{Ended, Game, IllegalMove, RoomCode, Side, Status};
use crate::domain::{ChessPost, Person, RoomId, Timestamp, UserId};

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
    /// The time left after it, when the game has a clock.
    pub clocks: Option<Clocks>,
}

/// What became of a player's wish for a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawAnswer {
    /// The opponent may take it, until the opponent moves.
    Offered(Side),
    /// The same player has offered already.
    Stands,
    /// The opponent had offered: the game is drawn.
    Agreed(Ended),
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
    clock: Option<Clock>,
    draw_offer: Option<Side>,
    touched: Timestamp,
}

impl Room {
    /// A room whose creator plays White and waits.
    pub fn new(code: RoomCode, white: Occupant, control: Option<TimeControl>, now: Timestamp) -> Self {
        Self {
            id: RoomId::new(),
            code,
            white: Seat { occupant: white, present: true },
            black: None,
            game: Game::default(),
            clock: control.map(Clock::new),
            draw_offer: None,
            touched: Timestamp::from_millis(now.millis()),
        }
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

    /// The time that both sides have left, when the game has a clock.
    pub fn clocks(&self, now: Timestamp) -> Option<Clocks> {
        self.clock.map(|clock| clock.left(self.game.turn(), now))
    }

    /// Who has offered a draw that the opponent may still take.
    pub fn draw_offer(&self) -> Option<Side> {
        self.draw_offer
    }

    /// Ends the game when the side to move has no time left; tells whether it did. Nothing watches the clock:
    /// whoever does something with a room asks this first.
    pub fn call_flag(&mut self, now: Timestamp) -> Option<Ended> {
        if !self.is_out_of_time(now) {
            return None;
        }
        self.game.time_out();
        self.settle(now);
        self.game.ended()
    }

    /// Whether the game goes on although the side to move has no time left.
    pub fn is_out_of_time(&self, now: Timestamp) -> bool {
        let is_out = self.clock.is_some_and(|clock| clock.is_out(self.game.turn(), now));
        is_out && self.game.ended().is_none()
    }

    /// Gives the room another code: its own turned out to be taken. Nobody has been told of it yet.
    pub fn recode(&mut self, code: RoomCode) {
        self.code = code;
    }

    /// Takes the free seat.
    pub fn join(&mut self, black: Occupant, now: Timestamp) -> Result<(), RoomError> {
        if self.white.occupant.person.id == black.person.id {
            return Err(RoomError::Yourself);
        }
        if self.black.is_some() {
            return Err(RoomError::Full);
        }
        self.black = Some(Seat { occupant: black, present: true });
        self.touch(now);
        Ok(())
    }

    /// Plays a player's move.
    pub fn play(&mut self, player: UserId, uci: &str, now: Timestamp) -> Result<Played, RoomError> {
        let by = self.running_side_of(player)?;
        if self.game.turn() != by {
            return Err(RoomError::NotYourTurn);
        }
        self.game.play(uci)?;
        self.draw_offer = self.draw_offer.filter(|offered_by| *offered_by == by);
        if let Some(clock) = &mut self.clock {
            clock.press(by, now);
        }
        self.settle(now);
        Ok(Played {
            ply: self.game.moves().len(),
            uci: uci.to_owned(),
            by,
            fen: self.game.fen(),
            status: self.game.status(),
            ended: self.game.ended(),
            clocks: self.clocks(now),
        })
    }

    /// Gives up for a player.
    pub fn resign(&mut self, player: UserId, now: Timestamp) -> Result<Ended, RoomError> {
        let side = self.running_side_of(player)?;
        self.game.resign(side);
        self.settle(now);
        self.game.ended().ok_or(RoomError::NotStarted)
    }

    /// Offers a draw, or takes the opponent's offer. A move declines it.
    pub fn offer_draw(&mut self, player: UserId, now: Timestamp) -> Result<DrawAnswer, RoomError> {
        let side = self.running_side_of(player)?;
        match self.draw_offer {
            Some(by) if by == side => return Ok(DrawAnswer::Stands),
            Some(_) => self.game.agree(),
            None => self.draw_offer = Some(side),
        }
        self.settle(now);
        Ok(self.game.ended().map_or(DrawAnswer::Offered(side), DrawAnswer::Agreed))
    }

    /// The game as a post shows it, for a player who wants to show it.
    pub fn to_post(&self, player: UserId) -> Result<ChessPost, RoomError> {
        self.side_of(player).ok_or(RoomError::NotAPlayer)?;
        Ok(ChessPost {
            room_id: self.id,
            code: self.code.to_string(),
            white: self.creator().person.clone(),
            black: self.black.as_ref().map(|black| black.occupant.person.clone()),
            result: self.game.ended().map(|ended| ended.result.as_str().to_owned()),
        })
    }

    /// Puts a player back at the board with another socket.
    pub fn resume(&mut self, player: &Occupant, now: Timestamp) -> Result<Side, RoomError> {
        let side = self.side_of(player.person.id).ok_or(RoomError::NotAPlayer)?;
        if let Some(seat) = self.seat_mut(side) {
            *seat = Seat { occupant: player.clone(), present: true };
        }
        self.touch(now);
        Ok(side)
    }

    /// Notes that a socket went away; tells which side it played, when it sat at the board.
    pub fn leave(&mut self, socket: Sid, now: Timestamp) -> Option<Side> {
        let side = [Side::White, Side::Black].into_iter().find(|side| {
            self.seat(*side).is_some_and(|seat| seat.present && seat.occupant.socket == socket)
        })?;
        if let Some(seat) = self.seat_mut(side) {
            seat.present = false;
        }
        self.touch(now);
        Some(side)
    }

    /// The side that a person plays.
    pub fn side_of(&self, person: UserId) -> Option<Side> {
        [Side::White, Side::Black]
            .into_iter()
            .find(|side| self.seat(*side).is_some_and(|seat| seat.occupant.person.id == person))
    }

    /// Whether the room has outlived its use: too old, or ended or deserted for `orphan_ttl`.
    pub fn is_expired(&self, now: Timestamp, room_ttl: Duration, orphan_ttl: Duration) -> bool {
        let millis = now.millis().saturating_sub(self.touched.millis());
        let age = Duration::from_millis(millis.try_into().unwrap_or_default());
        let deserted = !self.white.present && self.black.as_ref().is_none_or(|seat| !seat.present);
        age >= room_ttl || (age >= orphan_ttl && (deserted || self.game.ended().is_some()))
    }

    /// Something happened: what an ended game does not need any more goes.
    fn settle(&mut self, now: Timestamp) {
        if self.game.ended().is_some() {
            let turn = self.game.turn();
            self.clock.iter_mut().for_each(|clock| clock.stop(turn, now));
            self.draw_offer = None;
        }
        self.touch(now);
    }

    /// To the millisecond, like everything that is recorded.
    fn touch(&mut self, now: Timestamp) {
        self.touched = Timestamp::from_millis(now.millis());
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

    fn started() -> (Room, Occupant, Occupant, Timestamp) {
        let (white, black, now) = (occupant("ada"), occupant("bob"), Timestamp::now());
        let mut room = Room::new(RoomCode::random(), white.clone(), None, now);
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
        assert_eq!(room.resign(black.person.id, now).unwrap().result, crate::chess::GameResult::White);
        assert_eq!(room.play(white.person.id, "e2e4", now), Err(RoomError::Over));
        assert_eq!(room.resign(white.person.id, now), Err(RoomError::Over));
    }

    #[test]
    fn a_seat_is_taken_once_and_never_by_its_neighbour() {
        let (white, now) = (occupant("ada"), Timestamp::now());
        let mut room = Room::new(RoomCode::random(), white.clone(), None, now);
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
        let after = |time: Duration| Timestamp::from_millis(now.millis() + time.as_millis() as i64);
        assert!(!room.is_expired(after(orphan), ttl, orphan), "both are there");
        assert!(room.is_expired(after(ttl), ttl, orphan));
        room.leave(white.socket, now);
        assert!(!room.is_expired(after(orphan), ttl, orphan), "one is there");
        room.leave(black.socket, now);
        assert!(room.is_expired(after(orphan), ttl, orphan), "nobody is there");
        let (mut over, white, _, now) = started();
        over.resign(white.person.id, now).unwrap();
        assert!(!over.is_expired(now, ttl, orphan));
        let later = Timestamp::from_millis(now.millis() + orphan.as_millis() as i64);
        assert!(over.is_expired(later, ttl, orphan));
    }

    fn timed() -> (Room, UserId, UserId) {
        let (white, black) = (occupant("ada"), occupant("bob"));
        let (one, other) = (white.person.id, black.person.id);
        let control = TimeControl::new(10, 0).unwrap();
        let mut room = Room::new(RoomCode::random(), white, Some(control), at(0));
        room.join(black, at(0)).unwrap();
        (room, one, other)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn whoever_thinks_too_long_loses() {
        let (mut room, white, black) = timed();
        assert_eq!(room.call_flag(at(60_000)), None, "nobody has moved yet");
        let played = room.play(white, "e2e4", at(60_000)).unwrap();
        assert_eq!(played.clocks, Some(Clocks { white: 10_000, black: 10_000 }));
        assert_eq!(room.call_flag(at(69_999)), None);
        let ended = room.call_flag(at(70_000)).unwrap();
        assert_eq!((ended.result, room.game().status()), (crate::chess::GameResult::White, Status::Timeout));
        assert_eq!(room.clocks(at(99_000)), Some(Clocks { white: 10_000, black: 0 }));
        assert_eq!(room.call_flag(at(99_000)), None, "it has been told");
        assert_eq!(room.play(black, "e7e5", at(99_000)), Err(RoomError::Over));
    }

    #[test]
    fn an_ended_game_stops_the_clock() {
        let (mut room, white, black) = timed();
        room.play(white, "e2e4", at(0)).unwrap();
        room.resign(black, at(4_000)).unwrap();
        assert_eq!(room.call_flag(at(99_000)), None);
        assert_eq!(room.clocks(at(99_000)), Some(Clocks { white: 10_000, black: 6_000 }));
    }

    #[test]
    fn a_draw_takes_two_and_a_move_declines_it() {
        let (mut room, white, black, now) = started();
        let (white, black) = (white.person.id, black.person.id);
        assert_eq!(room.offer_draw(white, now), Ok(DrawAnswer::Offered(Side::White)));
        assert_eq!(room.offer_draw(white, now), Ok(DrawAnswer::Stands));
        room.play(white, "e2e4", now).unwrap();
        assert_eq!(room.draw_offer(), Some(Side::White), "an offer may come with a move");
        room.play(black, "e7e5", now).unwrap();
        assert_eq!(room.offer_draw(black, now), Ok(DrawAnswer::Offered(Side::Black)), "White's was declined");
        let DrawAnswer::Agreed(ended) = room.offer_draw(white, now).unwrap() else { panic!("both want it") };
        assert_eq!((ended.result, room.game().status()), (crate::chess::GameResult::Draw, Status::Draw));
        assert_eq!(room.offer_draw(white, now), Err(RoomError::Over));
        assert_eq!(room.offer_draw(UserId::new(), now), Err(RoomError::NotAPlayer));
    }

    #[test]
    fn a_room_leaves_half_of_a_kilobyte_to_its_moves() {
        assert!(size_of::<Room>() <= 512, "{}", size_of::<Room>());
    }
}
