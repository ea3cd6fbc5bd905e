//! When users are active and when they arrive: pure functions of the phases.
//!
//! Closed model: a number of users, each starting over when done. Open model: arrivals at given times,
//! each going through its scenario once, however slow the system is.

use std::time::Duration;

/// Absorbs rounding, so that 200/s for 10 s are 2,000 arrivals and not 2,001.
const ROUNDING: f64 = 1e-6;

/// How load develops.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// The level is a number of users.
    Closed {
        /// Users that are active.
        shape: Shape,
        /// How often each goes through its scenario, when that is what ends it.
        iterations: Option<u32>,
    },
    /// The level is arrivals a second, with at most `max_users` under way.
    Open {
        /// Arrivals a second.
        shape: Shape,
        /// The size of the pool.
        max_users: u32,
    },
}

impl Load {
    /// Virtual users to be made.
    pub fn users(&self) -> u32 {
        match self {
            Self::Closed { shape, .. } => shape.peak().ceil() as u32,
            Self::Open { max_users, .. } => *max_users,
        }
    }

    /// How long load lasts.
    pub fn duration(&self) -> Duration {
        match self {
            Self::Closed { shape, .. } | Self::Open { shape, .. } => shape.duration(),
        }
    }
}

/// A level over time, in straight pieces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    /// Seconds from the start of the load.
    start: f64,
    seconds: f64,
    from: f64,
    to: f64,
    /// Arrivals before it, when the level is a rate.
    before: f64,
}

impl Piece {
    fn end(&self) -> f64 {
        self.start + self.seconds
    }

    fn arrivals(&self) -> f64 {
        self.seconds * f64::midpoint(self.from, self.to)
    }
}

impl Shape {
    /// Adds a piece that goes from one level to another.
    pub fn push(&mut self, duration: Duration, from: f64, to: f64) {
        let (start, before) = self.pieces.last().map_or((0.0, 0.0), |p| (p.end(), p.before + p.arrivals()));
        self.pieces.push(Piece { start, seconds: duration.as_secs_f64(), from, to, before });
    }

    /// Its whole length.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.pieces.last().map_or(0.0, Piece::end))
    }

    /// Its highest level.
    pub fn peak(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.from.max(piece.to)).fold(0.0, f64::max)
    }

    /// As a number of users: when user `index` (from 0) is active, in stretches of start and end.
    pub fn active(&self, index: u32) -> Vec<(Duration, Duration)> {
        let mut stretches: Vec<(f64, f64)> = Vec::new();
        for piece in &self.pieces {
            if let Some((start, end)) = stretch_above(piece, f64::from(index)) {
                match stretches.last_mut() {
                    Some(last) if start <= last.1 => last.1 = end,
                    _ => stretches.push((start, end)),
                }
            }
        }
        let time = Duration::from_secs_f64;
        stretches.into_iter().map(|(start, end)| (time(start), time(end))).collect()
    }

    /// As a rate: when arrival `index` (from 0) is due.
    pub fn arrival(&self, index: u64) -> Option<Duration> {
        let index = index as f64;
        let last = self.pieces.partition_point(|piece| piece.before <= index).checked_sub(1)?;
        let piece = self.pieces[..=last].iter().rev().find(|piece| piece.arrivals() > 0.0)?;
        let within = index - piece.before;
        if within >= piece.arrivals() - ROUNDING {
            return None;
        }
        Duration::try_from_secs_f64(piece.start + time_of_arrival(piece, within)).ok()
    }

    /// As a rate: how many arrivals there are.
    pub fn arrivals(&self) -> u64 {
        let total = self.pieces.last().map_or(0.0, |piece| piece.before + piece.arrivals());
        (total - ROUNDING).max(0.0).ceil() as u64
    }
}

/// The part of a piece in which more than `index` users are active.
fn stretch_above(piece: &Piece, index: f64) -> Option<(f64, f64)> {
    let crossing = || piece.start + piece.seconds * (index - piece.from) / (piece.to - piece.from);
    match (piece.from > index, piece.to > index) {
        (true, true) => Some((piece.start, piece.end())),
        (false, true) => Some((crossing(), piece.end())),
        (true, false) => Some((piece.start, crossing())),
        (false, false) => None,
    }
}

/// Solves `from·t + (to − from)·t²/(2·seconds) = n` for t.
fn time_of_arrival(piece: &Piece, n: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let half_slope = (piece.to - piece.from) / (2.0 * piece.seconds);
    // The stable form of the quadratic formula: no difference of near-equal numbers, no slope to divide by.
    let root = (piece.from * piece.from + 4.0 * half_slope * n).max(0.0).sqrt();
    (2.0 * n / (piece.from + root)).min(piece.seconds)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Shape;

    fn shape(pieces: &[(f64, f64, f64)]) -> Shape {
        let mut shape = Shape::default();
        for (seconds, from, to) in pieces {
            shape.push(Duration::from_secs_f64(*seconds), *from, *to);
        }
        shape
    }

    fn seconds(stretches: &[(Duration, Duration)]) -> Vec<(f64, f64)> {
        stretches.iter().map(|(a, b)| (a.as_secs_f64(), b.as_secs_f64())).collect()
    }

    #[test]
    fn users_start_along_the_ramp_and_stay() {
        let shape = shape(&[(10.0, 0.0, 100.0), (30.0, 100.0, 100.0)]);
        assert_eq!(seconds(&shape.active(0)), [(0.0, 40.0)]);
        assert_eq!(seconds(&shape.active(50)), [(5.0, 40.0)]);
        assert!(shape.active(100).is_empty());
    }

    #[test]
    fn users_leave_when_the_level_falls_and_come_back_when_it_rises() {
        let shape = shape(&[(10.0, 10.0, 0.0), (10.0, 0.0, 10.0)]);
        assert_eq!(seconds(&shape.active(5)), [(0.0, 5.0), (15.0, 20.0)]);
    }

    #[test]
    fn a_steady_rate_is_evenly_spread_and_complete() {
        let shape = shape(&[(10.0, 200.0, 200.0)]);
        assert_eq!(shape.arrival(0), Some(Duration::ZERO));
        assert_eq!(shape.arrival(1), Some(Duration::from_millis(5)));
        assert_eq!((shape.arrival(1_999).is_some(), shape.arrival(2_000)), (true, None));
    }

    #[test]
    fn a_pause_has_no_arrivals() {
        let shape = shape(&[(1.0, 2.0, 2.0), (5.0, 0.0, 0.0), (1.0, 1.0, 1.0)]);
        let due: Vec<_> = (0..4).map(|i| shape.arrival(i).map(|d| d.as_secs_f64())).collect();
        assert_eq!(due, [Some(0.0), Some(0.5), Some(6.0), None]);
    }

    #[test]
    fn a_rate_may_rise_from_nothing() {
        let shape = shape(&[(2.0, 0.0, 20.0)]);
        assert_eq!(shape.arrival(0), Some(Duration::ZERO));
        assert_eq!((shape.arrivals(), shape.arrival(20)), (20, None));
    }

    /// Levels with the ones that break formulas: nothing, and the same again.
    fn level() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), Just(10.0), 0.0f64..50.0]
    }

    proptest! {
        #[test]
        fn arrivals_are_in_order_and_as_many_as_the_rate_says(
            pieces in proptest::collection::vec((0.1f64..20.0, level(), level()), 1..5),
        ) {
            let shape = shape(&pieces);
            let total: f64 = pieces.iter().map(|(s, a, b)| s * (a + b) / 2.0).sum();
            let mut due = Vec::new();
            while let Some(time) = shape.arrival(due.len() as u64) {
                due.push(time);
            }
            prop_assert!(due.is_sorted());
            prop_assert!((due.len() as f64 - total).abs() <= 1.0);
            prop_assert_eq!(due.len() as u64, shape.arrivals());
            prop_assert!(due.last().is_none_or(|last| *last <= shape.duration()));
        }
    }
}
