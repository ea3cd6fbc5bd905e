//! A room as it is kept outside of a process, so that another one can go on with the game.
//!
//! Nothing in a record is believed: the moves are replayed, and everything that follows from them must follow.
//! Members that this version does not know are passed over, so that a newer version may add some.

use serde::{Deserialize, Serialize};
use socketioxide::socket::Sid;

use super::{Occupant, Room, Seat};
use crate::chess::clock::Clock;
use crate::chess::game::MOST_PLIES;
use crate::chess::uci::Uci;
use crate::chess::{Ended, Game, IllegalMove, RoomCode, Side, Status};
use crate::domain::{Person, RoomId, Timestamp};

/// A room, written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomRecord {
    room_id: RoomId,
    code: RoomCode,
    white: SeatRecord,
    black: Option<SeatRecord>,
    /// The position after all moves.
    fen: String,
    moves: Vec<Uci>,
    status: Status,
    ended: Option<Ended>,
    clocks: Option<Clock>,
    draw_offer: Option<Side>,
    /// When something last happened, in milliseconds since 1970.
    touched_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatRecord {
    #[serde(flatten)]
    person: Person,
    socket: Sid,
    present: bool,
}

/// Why a record is not one of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Longer than any game.
    #[error("the record has more moves than a game can have")]
    TooLong,
    /// A move that is not legal, or comes after the end.
    #[error("the record has a move that the rules do not allow")]
    Illegal(#[from] IllegalMove),
    /// This does not follow from the rest.
    #[error("the record's {0} does not follow from its moves")]
    Inconsistent(&'static str),
    /// Players of this kind do not make a game.
    #[error("the record's players cannot have played this game")]
    Players,
}

impl Room {
    /// The room, to be kept elsewhere.
    pub fn record(&self) -> RoomRecord {
        RoomRecord {
            room_id: self.id,
            code: self.code,
            white: SeatRecord::from(&self.white),
            black: self.black.as_ref().map(SeatRecord::from),
            fen: self.game.fen(),
            moves: self.game.moves().to_vec(),
            status: self.game.status(),
            ended: self.game.ended(),
            clocks: self.clock,
            draw_offer: self.draw_offer,
            touched_at: self.touched.millis(),
        }
    }

    /// The room of a record.
    pub fn restore(record: RoomRecord) -> Result<Self, BadRecord> {
        let game = record.replay()?;
        record.check(&game)?;
        Ok(Self {
            id: record.room_id,
            code: record.code,
            white: record.white.into(),
            black: record.black.map(Seat::from),
            game,
            clock: record.clocks,
            draw_offer: record.draw_offer,
            touched: Timestamp::from_millis(record.touched_at),
        })
    }
}

impl RoomRecord {
    /// The game with its end. An end on the board follows from the moves; one by the players is written only.
    fn replay(&self) -> Result<Game, BadRecord> {
        if self.moves.len() > MOST_PLIES {
            return Err(BadRecord::TooLong);
        }
        let mut game = Game::replay(&self.moves)?;
        match (game.ended(), self.ended) {
            (by_rule, written) if by_rule == written => Ok(game),
            (None, Some(written)) if written.is_by_players() => {
                game.end(written);
                Ok(game)
            }
            _ => Err(BadRecord::Inconsistent("end")),
        }
    }

    fn check(&self, game: &Game) -> Result<(), BadRecord> {
        let has_begun = !self.moves.is_empty() || self.ended.is_some() || self.draw_offer.is_some();
        let opponent = self.black.as_ref().map(|black| black.person.id);
        if opponent == Some(self.white.person.id) || (has_begun && opponent.is_none()) {
            return Err(BadRecord::Players);
        }
        let goes_on = game.ended().is_none();
        let follows = [
            ("fen", self.fen == game.fen()),
            ("status", self.status == game.status()),
            ("clocks", self.clocks.is_none_or(|clock| clock.is_sound(self.moves.len(), goes_on))),
            ("drawOffer", self.draw_offer.is_none() || goes_on),
        ];
        let wrong = follows.into_iter().find(|(_, holds)| !holds);
        wrong.map_or(Ok(()), |(member, _)| Err(BadRecord::Inconsistent(member)))
    }
}

impl From<&Seat> for SeatRecord {
    fn from(Seat { occupant: Occupant { person, socket }, present }: &Seat) -> Self {
        Self { person: person.clone(), socket: *socket, present: *present }
    }
}

impl From<SeatRecord> for Seat {
    fn from(SeatRecord { person, socket, present }: SeatRecord) -> Self {
        Self { occupant: Occupant { person, socket }, present }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::chess::clock::TimeControl;
    use crate::chess::room::tests::occupant;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    /// A room in which the two take turns with random legal moves, a second each.
    fn random_room(choices: &[usize], clock: bool) -> Room {
        let control = clock.then(|| TimeControl::new(600, 1).unwrap());
        let (white, black) = (occupant("ada"), occupant("bob"));
        let players = [white.person.id, black.person.id];
        let mut room = Room::new(RoomCode::random(), white, control, at(0));
        room.join(black, at(1)).unwrap();
        for (ply, choice) in choices.iter().enumerate() {
            let moves = room.game().legal_moves();
            if room.game().ended().is_some() {
                break;
            }
            let uci = &moves[choice % moves.len()];
            room.play(players[ply % 2], uci, at(1_000 * (ply as i64 + 1))).unwrap();
        }
        room
    }

    fn restored(json: Value) -> Result<Room, BadRecord> {
        Room::restore(serde_json::from_value(json).unwrap())
    }

    fn written(room: &Room) -> Value {
        serde_json::to_value(room.record()).unwrap()
    }

    fn tampered(room: &Room, member: &str, value: Value) -> BadRecord {
        let mut json = written(room);
        json[member] = value;
        restored(json).unwrap_err()
    }

    proptest! {
        #[test]
        fn a_room_survives_being_written(
            choices in prop::collection::vec(any::<usize>(), 0..200),
            clock in any::<bool>(),
            end in 0..4,
        ) {
            let mut room = random_room(&choices, clock);
            let (white, black) = room.players().map(|(w, b)| (w.person.id, b.person.id)).unwrap();
            let later = at(300_000);
            if room.game().ended().is_none() {
                match end {
                    0 => {}
                    1 => drop(room.resign(black, later)),
                    2 => drop((room.offer_draw(white, later), room.offer_draw(black, later))),
                    _ => drop(room.offer_draw(white, later)),
                }
            }
            let again = restored(written(&room)).unwrap();
            prop_assert_eq!(again.record(), room.record());
            let sees = |room: &Room| format!("{room:?}");
            prop_assert_eq!(sees(&again), sees(&room));
        }

        #[test]
        fn a_record_with_another_move_is_refused(
            choices in prop::collection::vec(any::<usize>(), 1..80),
            at in any::<prop::sample::Index>(),
        ) {
            let room = random_room(&choices, false);
            let mut json = written(&room);
            let moves = json["moves"].as_array_mut().unwrap();
            let index = at.index(moves.len());
            moves[index] = json!("a1a1");
            prop_assert_eq!(restored(json).unwrap_err(), BadRecord::Illegal(IllegalMove));
        }

        #[test]
        fn a_record_that_lacks_its_last_move_is_refused(choices in prop::collection::vec(any::<usize>(), 1..80)) {
            let room = random_room(&choices, false);
            let mut json = written(&room);
            json["moves"].as_array_mut().unwrap().pop();
            prop_assert!(restored(json).is_err());
        }
    }

    #[test]
    fn what_does_not_follow_is_refused() {
        let room = random_room(&[3, 7], true);
        let won = json!({ "result": "1-0", "reason": "checkmate" });
        let start = Game::default().fen();
        assert_eq!(tampered(&room, "fen", json!(start)), BadRecord::Inconsistent("fen"));
        assert_eq!(tampered(&room, "status", json!("draw")), BadRecord::Inconsistent("status"));
        assert_eq!(tampered(&room, "ended", won), BadRecord::Inconsistent("end"));
        assert_eq!(tampered(&room, "black", Value::Null), BadRecord::Players);
        assert_eq!(tampered(&room, "moves", json!(vec!["g1f3"; MOST_PLIES + 1])), BadRecord::TooLong);
        let mut rich = written(&room)["clocks"].clone();
        rich["white"] = json!(3_600_000);
        assert_eq!(tampered(&room, "clocks", rich), BadRecord::Inconsistent("clocks"));
        let agreed_win = json!({ "result": "1-0", "reason": "agreement" });
        assert_eq!(tampered(&room, "ended", agreed_win), BadRecord::Inconsistent("end"));
    }

    #[test]
    fn clients_find_the_members_that_they_know() {
        let json = written(&random_room(&[0], true));
        assert_eq!(json["white"]["username"], "ada");
        assert_eq!((&json["status"], &json["ended"]), (&json!("playing"), &Value::Null));
        assert_eq!(json["moves"].as_array().unwrap().len(), 1);
        assert_eq!(json["clocks"]["white"], 600_000);
        assert_eq!(json["clocks"]["runningSince"], at(1_000).millis());
        assert_eq!(json["touchedAt"], at(1_000).millis());
        let mut newer = json.clone();
        newer["variant"] = json!("standard");
        assert_eq!(written(&restored(newer).unwrap()), json);
    }
}
