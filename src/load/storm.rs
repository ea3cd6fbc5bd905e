//! Storms: at a moment many connections are lost at once, and all come back. Each process counts what became of its own;
//! tallies add up, and [`StormReport`] is made of their sum.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Times, times};
use super::scenario::plan::StormPlan;
use super::tally::Times as Histogram;

use crate::lock::lock;

/// Causes of failed attempts are few; should there be more, the rest is added up.
const MOST_CAUSES: usize = 50;

/// The storms of a run, while users work.
#[derive(Debug, Default)]
pub struct Book(Vec<Mutex<Tally>>);

/// What became of the connections that one storm cut.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    cut: u64,
    back: u64,
    recovered: u64,
    ended: u64,
    /// The last return, since the storm's beginning.
    last_back: Option<Duration>,
    /// Returns by second since the storm's beginning.
    returns: BTreeMap<u64, u64>,
    took: Histogram,
    failures: BTreeMap<String, u64>,
    missed: u64,
    duplicates: u64,
}

/// One storm.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StormReport {
    /// When it began, in seconds since the start of the load.
    pub at_seconds: f64,
    /// Connections that were cut.
    pub cut: u64,
    /// Those that came back.
    pub back: u64,
    /// Those of them whose sessions the server had kept.
    pub recovered: u64,
    /// Those whose user gave up first: a step failed, or its scenario was over.
    pub ended: u64,
    /// Those that were still away when the load was over.
    pub away: u64,
    /// From its beginning until the last one was back, in seconds; `null` where one was not.
    pub steady_seconds: Option<f64>,
    /// From the loss of a connection to its return.
    pub took: Option<Times>,
    /// The most returns in one second.
    pub peak_returns_per_second: u64,
    /// Attempts to come back that failed, most frequent first.
    pub failures: Vec<StormFailure>,
    /// Messages of fan-outs that those who were cut missed.
    pub missed: u64,
    /// Messages of fan-outs that came to them once more.
    pub duplicates: u64,
}

/// Why attempts to come back failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StormFailure {
    /// The cause.
    pub cause: String,
    /// How often.
    pub count: u64,
}

impl Book {
    /// For so many storms.
    pub fn new(storms: usize) -> Self {
        Self((0..storms).map(|_| Mutex::default()).collect())
    }

    /// A connection is cut.
    pub fn cut(&self, storm: usize) {
        self.change(storm, |tally| tally.cut += 1);
    }

    /// An attempt to come back failed.
    pub fn failed(&self, storm: usize, cause: String) {
        self.change(storm, |tally| {
            let is_known = tally.failures.len() < MOST_CAUSES || tally.failures.contains_key(&cause);
            let cause = if is_known { cause } else { "other causes".to_owned() };
            *tally.failures.entry(cause).or_default() += 1;
        });
    }

    /// A connection is back, `since` the storm's beginning.
    pub fn back(&self, storm: usize, since: Duration, took: Duration, is_recovered: bool) {
        self.change(storm, |tally| {
            tally.back += 1;
            tally.recovered += u64::from(is_recovered);
            tally.last_back = tally.last_back.max(Some(since));
            *tally.returns.entry(since.as_secs()).or_default() += 1;
            tally.took.record(took);
        });
    }

    /// The user of a connection gave up before it was back.
    pub fn ended(&self, storm: usize) {
        self.change(storm, |tally| tally.ended += 1);
    }

    /// What somebody who was cut missed of fan-outs, and got twice.
    pub fn heard(&self, storm: usize, missed: u64, duplicates: u64) {
        self.change(storm, |tally| {
            tally.missed += missed;
            tally.duplicates += duplicates;
        });
    }

    /// The tallies, once users are done.
    pub fn tallies(&self) -> Vec<Tally> {
        self.0.iter().map(|storm| std::mem::take(&mut *lock(storm))).collect()
    }

    fn change(&self, storm: usize, change: impl FnOnce(&mut Tally)) {
        if let Some(storm) = self.0.get(storm) {
            change(&mut lock(storm));
        }
    }
}

impl Tally {
    /// Adds another one to this one.
    pub fn absorb(&mut self, other: &Self) {
        let Self { cut, back, recovered, ended, last_back, returns, took, failures, missed, duplicates } =
            other;
        self.cut += cut;
        self.back += back;
        self.recovered += recovered;
        self.ended += ended;
        self.last_back = self.last_back.max(*last_back);
        returns.iter().for_each(|(second, count)| *self.returns.entry(*second).or_default() += count);
        self.took.absorb(took);
        failures.iter().for_each(|(cause, count)| *self.failures.entry(cause.clone()).or_default() += count);
        self.missed += missed;
        self.duplicates += duplicates;
    }
}

/// Adds the storms of another process to these.
pub fn absorb(sum: &mut Vec<Tally>, more: &[Tally]) {
    sum.resize(sum.len().max(more.len()), Tally::default());
    sum.iter_mut().zip(more).for_each(|(sum, more)| sum.absorb(more));
}

impl StormReport {
    /// All storms of a run.
    pub fn all(plans: &[StormPlan], tallies: &[Tally]) -> Vec<Self> {
        plans.iter().zip(tallies).map(|(plan, tally)| Self::new(plan, tally)).collect()
    }

    fn new(plan: &StormPlan, tally: &Tally) -> Self {
        let away = tally.cut.saturating_sub(tally.back + tally.ended);
        let failures = tally.failures.iter().map(|(cause, count)| (cause.clone(), *count));
        let mut failures: Vec<_> = failures.map(|(cause, count)| StormFailure { cause, count }).collect();
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        let steady = tally.last_back.filter(|_| tally.back == tally.cut);
        Self {
            at_seconds: plan.at.as_secs_f64(),
            cut: tally.cut,
            back: tally.back,
            recovered: tally.recovered,
            ended: tally.ended,
            away,
            steady_seconds: steady.map(|steady| (steady.as_secs_f64() * 1e3).round() / 1e3),
            took: times(&tally.took),
            peak_returns_per_second: tally.returns.values().copied().max().unwrap_or(0),
            failures,
            missed: tally.missed,
            duplicates: tally.duplicates,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Book, StormReport, Tally, absorb};
    use crate::load::scenario::plan::StormPlan;

    const PLAN: StormPlan =
        StormPlan { at: Duration::from_secs(30), drop: 0.5, over: Duration::ZERO, is_clean: false };

    fn returned(count: u64, second: u64) -> Book {
        let book = Book::new(1);
        for _ in 0..count {
            book.cut(0);
            book.failed(0, "unknown sid".to_owned());
            book.back(0, Duration::from_millis(second * 1_000 + 250), Duration::from_millis(900), true);
        }
        book
    }

    fn report(books: &[Book]) -> StormReport {
        let mut sum: Vec<Tally> = Vec::new();
        for book in books {
            let told = serde_json::to_string(&book.tallies()).unwrap();
            absorb(&mut sum, &serde_json::from_str::<Vec<Tally>>(&told).unwrap());
        }
        StormReport::all(&[PLAN], &sum).remove(0)
    }

    #[test]
    fn processes_add_up_and_it_is_steady_when_the_last_is_back() {
        let report = report(&[returned(3, 1), returned(4, 1), returned(2, 6)]);
        assert_eq!((report.cut, report.back, report.recovered, report.away), (9, 9, 9, 0));
        assert_eq!((report.steady_seconds, report.peak_returns_per_second), (Some(6.25), 7));
        assert_eq!((report.failures[0].cause.as_str(), report.failures[0].count), ("unknown sid", 9));
        assert_eq!(report.took.unwrap().p50 / 1_000, 900);
    }

    #[test]
    fn whoever_is_not_back_keeps_it_from_being_steady() {
        let (lost, gone) = (returned(1, 1), returned(1, 1));
        lost.cut(0);
        gone.cut(0);
        gone.ended(0);
        gone.heard(0, 5, 2);
        let report = report(&[lost, gone]);
        assert_eq!((report.cut, report.back, report.ended, report.away), (4, 2, 1, 1));
        assert_eq!((report.steady_seconds, report.missed, report.duplicates), (None, 5, 2));
    }

    #[test]
    fn the_same_share_is_cut_in_every_run() {
        let cut = |drop: f64| {
            let plan = StormPlan { drop, over: Duration::from_secs(10), ..PLAN };
            (0..1_000).filter_map(|user| plan.cut(user)).collect::<Vec<_>>()
        };
        assert_eq!((cut(1.0).len(), cut(0.0).len()), (1_000, 0));
        assert!((495..=505).contains(&cut(0.5).len()));
        assert!(cut(0.5).iter().all(|at| (30.0..40.0).contains(&at.as_secs_f64())));
        let early = cut(0.5).iter().filter(|at| **at < Duration::from_secs(35)).count();
        assert!((200..300).contains(&early), "{early} of half of a thousand in the first half");
    }
}
