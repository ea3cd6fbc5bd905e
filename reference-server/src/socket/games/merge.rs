//! Which of two states of one room is the true one.
//!
//! While Redis is away each instance goes on with its own copy, and a fail-over may forget the last writes. Turns
//! alternate and a game's moves are only ever added to, so the states can be told apart: an ended game is truer
//! than a running one, then the game with more moves if it continues the other, then the later version. Where
//! both went different ways (one player at two instances), the stored one stays.

use crate::chess::Room;

/// A room and how often it has been written.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The room.
    pub room: Room,
    /// The version that Redis has, as far as is known: it refuses a write that names another. 0: none.
    pub version: u64,
    /// Changes that Redis does not have.
    pub ahead: u64,
}

impl Kept {
    /// A room that Redis does not have.
    pub fn new(room: Room) -> Self {
        Self { room, version: 0, ahead: 1 }
    }

    /// Whether this copy is to replace the stored one.
    pub fn is_truer_than(&self, stored: &Self) -> bool {
        let (own, other) = (self.room.game(), stored.room.game());
        if own.ended().is_some() != other.ended().is_some() {
            return own.ended().is_some();
        }
        let (long, short) = (own.moves(), other.moves());
        if long.len() != short.len() {
            return long.starts_with(short);
        }
        long == short && (self.version, self.ahead) > (stored.version, stored.ahead)
    }

    /// Which of two rooms that two instances had before they shared them goes on: the truer one, if its game goes
    /// on from the other's. Else an operator has to look at them.
    pub fn merge(held: &Self, stored: &Self) -> Option<Self> {
        let (ours, theirs) = (held.room.game().moves(), stored.room.game().moves());
        if !ours.starts_with(theirs) && !theirs.starts_with(ours) {
            return None;
        }
        match (held.is_truer_than(stored), stored.is_truer_than(held)) {
            (true, _) => Some(held.clone()),
            (_, true) => Some(stored.clone()),
            _ => (held == stored).then(|| stored.clone()),
        }
    }
}

/// As it is written: `ahead` is no part of a room.
impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.room.record() == other.room.record()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::tests::occupant;
    use crate::chess::{RoomCode, Side};
    use crate::domain::Timestamp;

    fn after(moves: &str, version: u64) -> Kept {
        let (white, black, now) = (occupant("ada"), occupant("bob"), Timestamp::now());
        let players = [white.person.id, black.person.id];
        let mut room = Room::new(RoomCode::random(), white, None, now);
        room.join(black, now).unwrap();
        for (ply, uci) in moves.split_whitespace().enumerate() {
            room.play(players[ply % 2], uci, now).unwrap();
        }
        Kept { room, version, ahead: 0 }
    }

    #[test]
    fn the_game_that_went_on_wins_whatever_the_version() {
        let (short, long) = (after("e2e4", 9), after("e2e4 e7e5 g1f3", 4));
        assert!(long.is_truer_than(&short) && !short.is_truer_than(&long));
    }

    #[test]
    fn an_end_wins_over_moves() {
        let (mut ended, long) = (after("e2e4", 2), after("e2e4 e7e5 g1f3", 4));
        let loser = ended.room.creator().person.id;
        ended.room.resign(loser, Timestamp::now()).unwrap();
        assert_eq!(ended.room.side_of(loser), Some(Side::White));
        assert!(ended.is_truer_than(&long) && !long.is_truer_than(&ended));
    }

    #[test]
    fn the_stored_state_stays_where_both_went_different_ways() {
        let (one, other) = (after("e2e4 e7e5", 9), after("d2d4 d7d5", 2));
        assert!(!one.is_truer_than(&other) && !other.is_truer_than(&one));
        let longer = after("d2d4 d7d5 c2c4", 3);
        assert!(!longer.is_truer_than(&one));
    }

    #[test]
    fn without_new_moves_the_later_version_wins() {
        let (early, late) = (after("e2e4", 2), after("e2e4", 3));
        assert!(late.is_truer_than(&early) && !early.is_truer_than(&late) && !early.is_truer_than(&early));
    }

    #[test]
    fn rooms_of_two_instances_are_one_only_where_the_game_goes_on() {
        let (short, long) = (after("e2e4", 9), after("e2e4 e7e5 g1f3", 4));
        assert_eq!(Kept::merge(&short, &long), Some(long.clone()));
        assert_eq!(Kept::merge(&long, &short), Some(long));
        assert_eq!(Kept::merge(&short, &short), Some(short.clone()));
        let mut elsewhere = after("d2d4", 2);
        let loser = elsewhere.room.creator().person.id;
        elsewhere.room.resign(loser, Timestamp::now()).unwrap();
        assert_eq!(Kept::merge(&short, &elsewhere), None, "an end of another game ends nothing");
        let seated_elsewhere = after("e2e4", 9);
        assert_eq!(Kept::merge(&short, &seated_elsewhere), None);
    }
}
