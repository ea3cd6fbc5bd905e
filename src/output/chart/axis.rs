//! Axes: which part of the numbers is shown, where a value is, and which values are named.

use std::time::Duration;

use crate::config::duration::humanize;
use crate::output::table::figure;

/// Values that people read without effort: 1, 2 and 5 with any number of noughts.
const ROUND: [f64; 3] = [1.0, 2.0, 5.0];
/// Steps of time that people read without effort, in seconds.
const TIMES: [f64; 16] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0,
    86_400.0,
];

/// One axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// What its values are.
    pub unit: Unit,
    is_log: bool,
    /// Shown at least up to here.
    least_end: f64,
}

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since the start.
    Time,
    /// A time, in microseconds.
    Micros,
    /// A number of things.
    Count,
    /// Things a second.
    PerSecond,
    /// Percent.
    Percent,
}

/// An axis with its values and its place.
#[derive(Debug)]
pub struct Scaled {
    axis: Axis,
    first: f64,
    last: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// From nought, in equal steps.
    pub fn linear(unit: Unit) -> Self {
        Self { unit, is_log: false, least_end: 0.0 }
    }

    /// In equal factors.
    pub fn log(unit: Unit) -> Self {
        Self { unit, is_log: true, least_end: 0.0 }
    }

    /// The same, shown at least up to `end`.
    pub fn up_to(self, end: f64) -> Self {
        Self { least_end: end, ..self }
    }

    /// Shows these values between two places of the picture.
    pub fn scaled(self, values: &[f64], from: f64, to: f64) -> Scaled {
        let sound =
            || values.iter().copied().filter(|value| value.is_finite() && (!self.is_log || *value > 0.0));
        let most = sound().fold(self.least_end, f64::max);
        let (first, last) = match self.is_log {
            true => {
                let least = sound().fold(most, f64::min);
                (round_below(least.max(1e-9)), round_above(most.max(1e-9)))
            }
            // Time ends where it ends; other axes at a value that is named.
            false if self.unit == Unit::Time => (0.0, most.max(1.0)),
            false => (0.0, (most / step(most)).ceil() * step(most)),
        };
        // One value, or none, has to have room too.
        let room = if self.is_log { first * 10.0 } else { 1.0 };
        Scaled { axis: self, first, last: if last > first { last } else { room }, from, to }
    }
}

impl Scaled {
    /// Where a value is.
    pub fn place(&self, value: f64) -> f64 {
        let share = match self.axis.is_log {
            true => (value.max(self.first) / self.first).ln() / (self.last / self.first).ln(),
            false => (value - self.first) / (self.last - self.first),
        };
        self.from + share * (self.to - self.from)
    }

    /// The same with one digit behind the point.
    pub fn rounded(&self, value: f64) -> f64 {
        (10.0 * self.place(value)).round() / 10.0
    }

    /// Places that have a name.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let values = if self.axis.is_log { self.log_ticks() } else { self.linear_ticks() };
        values.into_iter().map(|value| (self.place(value), self.axis.unit.show(value))).collect()
    }

    fn linear_ticks(&self) -> Vec<f64> {
        let step = match self.axis.unit {
            Unit::Time => TIMES.into_iter().find(|step| self.last / step <= 10.0).unwrap_or(self.last / 5.0),
            _ => step(self.last),
        };
        let count = (self.last / step + 1e-9).floor() as u32;
        (0..=count).map(|number| f64::from(number) * step).collect()
    }

    fn log_ticks(&self) -> Vec<f64> {
        let decades = (self.first.log10().floor() as i32)..=(self.last.log10().ceil() as i32);
        let is_shown = |value: &f64| *value >= self.first * 0.999 && *value <= self.last * 1.001;
        let all = decades.clone().flat_map(|decade| ROUND.map(|round| round * 10f64.powi(decade)));
        let all: Vec<f64> = all.filter(is_shown).collect();
        match all.len() {
            ..=10 => all,
            _ => decades.map(|decade| 10f64.powi(decade)).filter(is_shown).collect(),
        }
    }
}

impl Unit {
    /// A value for people.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Time if value < 60.0 => format!("{}s", figure(value)),
            Self::Time => humanize(Duration::from_secs_f64(value)),
            Self::Micros => micros(value),
            Self::Count => figure(value),
            Self::PerSecond => format!("{}/s", figure(value)),
            Self::Percent => format!("{}%", figure(value)),
        }
    }
}

/// Without noughts that say nothing.
fn micros(value: f64) -> String {
    match value {
        value if value < 1e3 => format!("{}µs", figure(value)),
        value if value < 1e6 => format!("{}ms", figure(value / 1e3)),
        value => format!("{}s", figure(value / 1e6)),
    }
}

/// A step that makes four to eight of `most`.
fn step(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    round_above(most / 8.0)
}

fn round_above(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let found =
        ROUND.into_iter().chain([10.0]).map(|round| round * decade).find(|round| *round >= value * 0.999_999);
    found.unwrap_or(10.0 * decade)
}

fn round_below(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let found = ROUND.into_iter().rev().map(|round| round * decade).find(|round| *round <= value * 1.000_001);
    found.unwrap_or(decade)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Axis, Unit};

    fn labels(axis: Axis, values: &[f64]) -> String {
        let ticks = axis.scaled(values, 0.0, 100.0).ticks();
        ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn named_values_are_round() {
        assert_eq!(labels(Axis::linear(Unit::Count), &[73.0]), "0 10 20 30 40 50 60 70 80");
        assert_eq!(
            labels(Axis::linear(Unit::PerSecond), &[4_100.0]),
            "0/s 1,000/s 2,000/s 3,000/s 4,000/s 5,000/s"
        );
        assert_eq!(
            labels(Axis::linear(Unit::Time), &[95.0]),
            "0s 10s 20s 30s 40s 50s 1m00s 1m10s 1m20s 1m30s"
        );
        assert_eq!(labels(Axis::log(Unit::Micros), &[340.0, 2_900.0]), "200µs 500µs 1ms 2ms 5ms");
        assert_eq!(labels(Axis::log(Unit::Micros), &[12.0, 3_000_000.0]), "10µs 100µs 1ms 10ms 100ms 1s");
        assert_eq!(labels(Axis::linear(Unit::Percent).up_to(100.0), &[7.0]), "0% 20% 40% 60% 80% 100%");
    }

    proptest! {
        #[test]
        fn every_value_has_a_place_within_the_picture(
            values in proptest::collection::vec(0f64..1e9, 0..20), is_log: bool,
        ) {
            let axis = if is_log { Axis::log(Unit::Micros) } else { Axis::linear(Unit::Count) };
            let scaled = axis.scaled(&values, 0.0, 100.0);
            for value in values {
                let place = scaled.place(value);
                prop_assert!((-0.01..=100.01).contains(&place), "{value} at {place} of {scaled:?}");
            }
            let ticks = scaled.ticks();
            prop_assert!((1..=12).contains(&ticks.len()), "{ticks:?}");
        }
    }
}
