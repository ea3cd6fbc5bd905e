//! The chess clock: how long each side may still think. It is read against the wall clock, because another
//! process may go on with the game; nothing ticks.

use serde::{Deserialize, Serialize};

use super::Side;
use crate::domain::Timestamp;

/// How much time a game gives its players: so much at first, and so much more after each move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", rename_all = "camelCase")]
pub struct TimeControl {
    initial_seconds: u32,
    increment_seconds: u32,
}

/// A time control as a client writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    initial_seconds: u32,
    #[serde(default)]
    increment_seconds: u32,
}

/// A time control that is offered to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a clock has initialSeconds from 10 to 10800 and incrementSeconds from 0 to 60")]
pub struct BadTimeControl;

impl TimeControl {
    /// From ten seconds to three hours, and up to a minute for each move.
    pub fn new(initial_seconds: u32, increment_seconds: u32) -> Result<Self, BadTimeControl> {
        let fits = (10..=10_800).contains(&initial_seconds) && increment_seconds <= 60;
        fits.then_some(Self { initial_seconds, increment_seconds }).ok_or(BadTimeControl)
    }

    fn initial_millis(self) -> i64 {
        i64::from(self.initial_seconds) * 1_000
    }

    fn increment_millis(self) -> i64 {
        i64::from(self.increment_seconds) * 1_000
    }
}

impl TryFrom<Written> for TimeControl {
    type Error = BadTimeControl;

    fn try_from(written: Written) -> Result<Self, BadTimeControl> {
        Self::new(written.initial_seconds, written.increment_seconds)
    }
}

/// Milliseconds that each side has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// White's.
    pub white: i64,
    /// Black's.
    pub black: i64,
}

/// Both sides' time. It stands still until White's first move, and runs for the side to move from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    #[serde(flatten)]
    control: TimeControl,
    /// Milliseconds that White had when the clock was last pressed.
    white: i64,
    /// The same for Black.
    black: i64,
    /// Since when the side to move thinks, in milliseconds since 1970.
    running_since: Option<i64>,
}

impl Clock {
    /// A clock that nobody has pressed yet.
    pub fn new(control: TimeControl) -> Self {
        let initial = control.initial_millis();
        Self { control, white: initial, black: initial, running_since: None }
    }

    /// What both sides have left while it is the turn of one of them.
    pub fn left(&self, turn: Side, now: Timestamp) -> Clocks {
        let mut told = Clocks { white: self.white, black: self.black };
        let thinking = match turn {
            Side::White => &mut told.white,
            Side::Black => &mut told.black,
        };
        *thinking = (*thinking - self.thought(now)).max(0);
        told
    }

    /// Whether the side to move has used up its time.
    pub fn is_out(&self, turn: Side, now: Timestamp) -> bool {
        self.running_since.is_some() && self.of(turn) <= self.thought(now)
    }

    /// The side to move has moved. The first move costs no time and earns none.
    pub fn press(&mut self, by: Side, now: Timestamp) {
        let earned = self.running_since.map_or(0, |_| self.control.increment_millis());
        self.stop(by, now);
        *self.of_mut(by) += earned;
        self.running_since = Some(now.millis());
    }

    /// The game is over: the clock shows from now on what it shows now.
    pub fn stop(&mut self, turn: Side, now: Timestamp) {
        let Clocks { white, black } = self.left(turn, now);
        *self = Self { white, black, running_since: None, control: self.control };
    }

    /// Whether such a clock can come about in a game that goes on, or has ended, after so many moves.
    pub fn is_sound(&self, moves: usize, goes_on: bool) -> bool {
        let most = self.control.initial_millis() + self.control.increment_millis() * moves as i64;
        let fits = (0..=most).contains(&self.white) && (0..=most).contains(&self.black);
        fits && self.running_since.is_some() == (goes_on && moves > 0)
    }

    /// A wall clock that was set back gives time, never takes it.
    fn thought(&self, now: Timestamp) -> i64 {
        self.running_since.map_or(0, |since| now.millis().saturating_sub(since).max(0))
    }

    fn of(&self, side: Side) -> i64 {
        match side {
            Side::White => self.white,
            Side::Black => self.black,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::White => &mut self.white,
            Side::Black => &mut self.black,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn the_clock_runs_for_the_side_to_move_after_the_first_move() {
        let mut clock = Clock::new(TimeControl::new(60, 2).unwrap());
        assert_eq!(clock.left(Side::White, at(90_000)), Clocks { white: 60_000, black: 60_000 });
        assert!(!clock.is_out(Side::White, at(90_000)));
        clock.press(Side::White, at(90_000));
        assert_eq!(clock.left(Side::Black, at(95_500)), Clocks { white: 60_000, black: 54_500 });
        clock.press(Side::Black, at(100_000));
        assert_eq!(clock.left(Side::White, at(100_000)), Clocks { white: 60_000, black: 52_000 });
        clock.press(Side::White, at(100_500));
        assert_eq!(clock.left(Side::Black, at(100_500)), Clocks { white: 61_500, black: 52_000 });
    }

    #[test]
    fn time_is_up_to_the_millisecond_and_never_negative() {
        let mut clock = Clock::new(TimeControl::new(10, 0).unwrap());
        clock.press(Side::White, at(0));
        assert!(!clock.is_out(Side::Black, at(9_999)));
        assert!(clock.is_out(Side::Black, at(10_000)));
        clock.stop(Side::Black, at(99_000));
        assert_eq!(clock.left(Side::Black, at(100_000)), Clocks { white: 10_000, black: 0 });
    }

    #[test]
    fn a_wall_clock_that_is_set_back_takes_no_time() {
        let mut clock = Clock::new(TimeControl::new(10, 0).unwrap());
        clock.press(Side::White, at(0));
        assert_eq!(clock.left(Side::Black, at(-5_000)).black, 10_000);
    }

    #[test]
    fn a_time_control_has_bounds() {
        for (initial, increment, fits) in
            [(9, 0, false), (10, 0, true), (10_800, 60, true), (10_801, 0, false), (60, 61, false)]
        {
            assert_eq!(TimeControl::new(initial, increment).is_ok(), fits, "{initial}+{increment}");
        }
        let read = |json| serde_json::from_str::<TimeControl>(json);
        assert_eq!(read(r#"{"initialSeconds":300}"#).unwrap(), TimeControl::new(300, 0).unwrap());
        let refused = read(r#"{"initialSeconds":1}"#).unwrap_err().to_string();
        assert!(refused.contains("from 10 to 10800"), "{refused}");
        assert!(read(r#"{"initialSeconds":300,"delay":1}"#).is_err());
    }
}
