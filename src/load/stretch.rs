//! A run cut into stretches of equal length, with the histograms of each: what a comparison of two runs needs.
//!
//! Times of one run depend on one another (a slow second is slow for everybody), so how far a percentile can be
//! trusted is not seen from the number of samples, but from how much it differs between stretches.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ledger::Second;
use super::scenario::plan::{MetricDef, exchanges};
use super::tally::{Row, Times};

/// At most so many stretches; it divides by 2, 3 and 4, for whoever joins neighbours.
pub const MOST_STRETCHES: u32 = 24;

/// What a row did in one stretch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// Steps done.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Response times.
    #[serde(with = "super::pairs")]
    #[schemars(with = "String")]
    pub response: Times,
}

/// The stretches of a run, as they go by.
#[derive(Debug)]
pub struct Stretches {
    length: u32,
    /// Whole ones only: a rest at the end is no stretch.
    number: u32,
    exchanges: Vec<usize>,
    all: Course,
    rows: Vec<Course>,
}

/// One row, stretch by stretch. Those that are over are packed: a histogram that can still grow takes a hundred times
/// as much, and a long run would take more and more for as long as it lasts.
#[derive(Debug, Clone, Default)]
struct Course {
    over: Vec<Packed>,
    current: Option<Row>,
}

/// What a row did in a stretch that is over.
#[derive(Debug, Clone)]
struct Packed {
    count: u64,
    errors: u64,
    response: Box<[(u64, u64)]>,
}

impl Stretches {
    /// For a run that is meant to last so long.
    pub fn new(duration: Duration, metrics: &[MetricDef]) -> Self {
        let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let length = seconds.div_ceil(MOST_STRETCHES).max(1);
        Self {
            length,
            number: seconds / length,
            exchanges: exchanges(metrics).chain([metrics.len()]).collect(),
            all: Course::default(),
            rows: vec![Course::default(); metrics.len() + 1],
        }
    }

    /// Adds a second.
    pub fn take(&mut self, second: &Second) {
        let stretch = second.number / self.length;
        if stretch >= self.number {
            return;
        }
        let count = stretch as usize + 1;
        for (course, row) in self.rows.iter_mut().zip(&second.tally.rows) {
            course.at(count).absorb(row);
        }
        for row in self.exchanges.iter().filter_map(|row| second.tally.rows.get(*row)) {
            self.all.at(count).absorb(row);
        }
    }

    /// Seconds in each of them.
    pub fn seconds(&self) -> u32 {
        self.length
    }

    /// Those of all exchanges.
    pub fn all(&self) -> Vec<Stretch> {
        self.all.shown()
    }

    /// Those of a row.
    pub fn of(&self, row: usize) -> Vec<Stretch> {
        self.rows.get(row).map(Course::shown).unwrap_or_default()
    }
}

impl Course {
    /// The last of `count` stretches; those before it are over, also where nothing was done in them.
    fn at(&mut self, count: usize) -> &mut Row {
        while self.over.len() + 1 < count {
            self.over.push(Packed::new(self.current.take().unwrap_or_default()));
        }
        self.current.get_or_insert_default()
    }

    fn shown(&self) -> Vec<Stretch> {
        let current = self.current.iter().cloned().map(Packed::new);
        self.over.iter().cloned().chain(current).map(Packed::shown).collect()
    }
}

impl Packed {
    fn new(row: Row) -> Self {
        let Row { count, errors, response, .. } = row;
        Self { count, errors, response: Vec::from(response).into_boxed_slice() }
    }

    fn shown(self) -> Stretch {
        let Self { count, errors, response } = self;
        Stretch { count, errors, response: response.into_vec().into() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Stretches;
    use crate::load::ledger::Second;
    use crate::load::scenario::plan::{MetricDef, MetricKind};
    use crate::load::tally::Tally;

    fn second(number: u32, count: u64) -> Second {
        let mut tally = Tally::new(3);
        for row in 0..2 {
            (0..count).for_each(|_| tally.rows[row].add(Duration::from_millis(1), Duration::from_millis(1)));
        }
        Second { number, tally, active: 1, effort: None }
    }

    #[test]
    fn a_rest_is_no_stretch_and_waits_are_no_exchanges() {
        let metric = |name: &str, kind| MetricDef::of_http(name, kind);
        let metrics = [metric("GET /", MetricKind::Exchange), metric("receive", MetricKind::Wait)];
        let mut stretches = Stretches::new(Duration::from_secs(61), &metrics);
        (0..63).filter(|number| *number != 4).for_each(|number| stretches.take(&second(number, 2)));
        let counts = |all: Vec<super::Stretch>| all.iter().map(|one| one.count).collect::<Vec<_>>();
        assert_eq!(stretches.seconds(), 3);
        assert_eq!(counts(stretches.all()), [vec![6, 4], vec![6; 18]].concat());
        assert_eq!(counts(stretches.of(1)), counts(stretches.all()));
        assert!(stretches.of(2).iter().all(|stretch| stretch.count == 0));
    }
}
