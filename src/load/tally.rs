//! What was counted and timed, as a value that can be added to others and sent to another process.
//!
//! Percentiles of two processes cannot be combined, their histograms can: everything that a run reports is
//! read off the sum of its tallies.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::scenario::plan::MetricId;

/// Times beyond an hour count as an hour.
const MAX_MICROS: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// Causes of failure are few; should a server invent new words each time, the rest is added up.
const MAX_CAUSES: usize = 200;

/// Everything that one process counted over some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// The rows, by metric; one more than there are metrics, for steps that could not be begun.
    pub rows: Vec<Row>,
    /// Why steps failed.
    pub failures: Failures,
    /// How much later than asked timers fired, in microseconds.
    pub lag: Times,
    /// Scenarios gone through to their end.
    pub iterations: u64,
    /// Arrivals that had to wait for a free user.
    pub late_starts: u64,
    /// When the last step was done, since the start of the load.
    pub last: Option<Duration>,
}

/// One row's counts and times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Steps that were done, well or not.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Answers of which a cache says whether it had them; counted where a threshold asks for it.
    pub cache_answers: u64,
    /// Those that it had.
    pub cache_hits: u64,
    /// From the moment a step was due, in microseconds.
    pub response: Times,
    /// From the moment it was begun, in microseconds.
    pub service: Times,
}

/// A histogram of microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Times(Histogram<u64>);

/// Failures by row and cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(MetricId, String, FailureCount)>", into = "Vec<(MetricId, String, FailureCount)>")]
pub struct Failures(BTreeMap<(MetricId, String), FailureCount>);

/// How often a row failed for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCount {
    /// How often.
    pub count: u64,
    /// The first case.
    pub sample: String,
}

impl Tally {
    /// Nothing yet, for this many rows.
    pub fn new(rows: usize) -> Self {
        Self {
            rows: vec![Row::default(); rows],
            failures: Failures::default(),
            lag: Times::default(),
            iterations: 0,
            late_starts: 0,
            last: None,
        }
    }

    /// Adds another one to this one. Rows that this one does not have are left out.
    pub fn absorb(&mut self, other: &Self) {
        self.rows.iter_mut().zip(&other.rows).for_each(|(row, more)| row.absorb(more));
        for (metric, cause, failure) in other.failures.iter() {
            self.failures.add(metric, cause.to_owned(), failure.count, || failure.sample.clone());
        }
        self.lag.absorb(&other.lag);
        self.iterations += other.iterations;
        self.late_starts += other.late_starts;
        self.last = self.last.max(other.last);
    }
}

impl Row {
    /// Counts a step that took this long.
    pub fn add(&mut self, response: Duration, service: Duration) {
        self.count += 1;
        self.response.record(response);
        self.service.record(service);
    }

    /// Adds another row to this one.
    pub fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.cache_answers += other.cache_answers;
        self.cache_hits += other.cache_hits;
        self.response.absorb(&other.response);
        self.service.absorb(&other.service);
    }

    /// Takes what was absorbed before away again.
    pub fn shed(&mut self, other: &Self) {
        self.count -= other.count;
        self.errors -= other.errors;
        self.cache_answers -= other.cache_answers;
        self.cache_hits -= other.cache_hits;
        self.response.shed(&other.response);
        self.service.shed(&other.service);
    }
}

impl Default for Times {
    #[expect(clippy::expect_used, reason = "three digits is a valid precision")]
    fn default() -> Self {
        Self(Histogram::new(SIGNIFICANT_DIGITS).expect("a valid precision"))
    }
}

impl Times {
    /// Records a time.
    pub fn record(&mut self, time: Duration) {
        // It grows with what it holds, so nothing is ever refused.
        self.0.record(micros(time)).ok();
    }

    /// Adds another one to this one.
    #[expect(clippy::expect_used, reason = "a resizable histogram takes any other of its kind")]
    pub fn absorb(&mut self, other: &Self) {
        if !other.0.is_empty() {
            self.0.add(&other.0).expect("a resizable histogram");
        }
    }

    /// Takes what was absorbed before away again.
    pub fn shed(&mut self, other: &Self) {
        if !other.0.is_empty() {
            // It fails only for values that were never absorbed.
            self.0.subtract(&other.0).ok();
        }
    }

    /// The histogram itself, in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<(u64, u64)>> for Times {
    fn from(buckets: Vec<(u64, u64)>) -> Self {
        let mut times = Self::default();
        for (micros, count) in buckets {
            times.0.record_n(micros.clamp(1, MAX_MICROS), count).ok();
        }
        times
    }
}

impl From<Times> for Vec<(u64, u64)> {
    fn from(times: Times) -> Self {
        times.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

impl Failures {
    /// Counts failures of a row for one cause.
    pub fn add(&mut self, metric: MetricId, cause: String, count: u64, sample: impl FnOnce() -> String) {
        let mut key = (metric, cause);
        if self.0.len() >= MAX_CAUSES && !self.0.contains_key(&key) {
            key.1 = "other causes".to_owned();
        }
        self.0.entry(key).or_insert_with(|| FailureCount { count: 0, sample: sample() }).count += count;
    }

    /// All of them, by row and cause.
    pub fn iter(&self) -> impl Iterator<Item = (MetricId, &str, &FailureCount)> {
        self.0.iter().map(|((metric, cause), failure)| (*metric, cause.as_str(), failure))
    }

    /// The most frequent first.
    pub fn by_frequency(&self) -> Vec<(MetricId, &str, &FailureCount)> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_by_key(|(metric, cause, failure)| {
            (std::cmp::Reverse(failure.count), *metric, cause.to_owned())
        });
        all
    }
}

impl From<Vec<(MetricId, String, FailureCount)>> for Failures {
    fn from(all: Vec<(MetricId, String, FailureCount)>) -> Self {
        Self(all.into_iter().map(|(metric, cause, failure)| ((metric, cause), failure)).collect())
    }
}

impl From<Failures> for Vec<(MetricId, String, FailureCount)> {
    fn from(failures: Failures) -> Self {
        failures.0.into_iter().map(|((metric, cause), failure)| (metric, cause, failure)).collect()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(MAX_MICROS).clamp(1, MAX_MICROS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Failures, Row, Tally, Times};

    fn tally(times: &[u64]) -> Tally {
        let mut tally = Tally::new(1);
        for micros in times {
            tally.rows[0].add(Duration::from_micros(*micros), Duration::from_micros(micros / 2));
            tally.lag.record(Duration::from_micros(micros % 7));
        }
        tally.failures.add(0, "HTTP 500".to_owned(), times.len() as u64, || "first".to_owned());
        tally
    }

    #[test]
    fn ever_new_causes_do_not_grow_without_bound() {
        let mut failures = Failures::default();
        for i in 0..10_000 {
            failures.add(0, format!("cause {i}"), 1, String::new);
        }
        assert!(failures.iter().count() <= 201);
        assert_eq!(failures.iter().map(|(_, _, failure)| failure.count).sum::<u64>(), 10_000);
        assert_eq!(failures.by_frequency()[0].1, "other causes");
    }

    #[test]
    fn times_out_of_range_count_at_its_ends() {
        let mut times = Times::default();
        times.record(Duration::ZERO);
        times.record(Duration::from_secs(100_000));
        assert_eq!((times.histogram().min(), times.histogram().max() / 1_000_000), (1, 3_600));
    }

    proptest! {
        #[test]
        fn a_tally_that_was_sent_is_the_tally_that_comes(
            times in proptest::collection::vec(1u64..4_000_000_000, 0..200),
        ) {
            let sent = tally(&times);
            let come: Tally = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
            prop_assert_eq!(come, sent);
        }

        #[test]
        fn parts_add_up_to_the_whole_and_can_be_taken_away_again(
            one in proptest::collection::vec(1u64..10_000_000, 0..100),
            two in proptest::collection::vec(1u64..10_000_000, 1..100),
        ) {
            let mut sum = tally(&one);
            sum.absorb(&tally(&two));
            let whole = [one.clone(), two.clone()].concat();
            prop_assert_eq!(&sum, &tally(&whole));
            let mut row: Row = sum.rows.remove(0);
            row.shed(&tally(&two).rows[0]);
            let left: Vec<(u64, u64)> = row.response.into();
            prop_assert_eq!((row.count, left), (one.len() as u64, tally(&one).rows.remove(0).response.into()));
        }
    }
}
