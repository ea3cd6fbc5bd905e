//! Comparisons of simulated runs whose truth is known: how often one is wrong.

use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::stored::{Stored, StoredRow};
use super::{Change, CompareReport, Limits};
use crate::load::stretch::Stretch;
use crate::load::tally::Times;

const STRETCHES: usize = 24;
const LIMITS: Limits =
    Limits { max_slowdown: 0.1, max_more_errors: 0.001, ignore_below: Duration::from_millis(1) };

/// A system: log-normal times that are slower for whole stretches at a time, and errors.
#[derive(Clone, Copy)]
struct System {
    median_ms: f64,
    /// How much slower one stretch is than another (standard deviation of the logarithm).
    unrest: f64,
    /// The same of whole runs.
    moods: f64,
    errors: f64,
    in_a_stretch: u32,
}

const CALM: System = System { median_ms: 40.0, unrest: 0.04, moods: 0.0, errors: 0.002, in_a_stretch: 600 };

impl System {
    fn run(self, name: &str, seed: u64) -> Stored {
        let mut random = StdRng::seed_from_u64(seed);
        let mood = self.moods * normal(&mut random);
        let mut drift = 0.0;
        let stretches: Vec<Stretch> = (0..STRETCHES)
            .map(|_| {
                // A bad moment is seldom over at once.
                drift = 0.4 * drift + self.unrest * normal(&mut random);
                self.stretch(mood + drift, &mut random)
            })
            .collect();
        let mut histogram = Times::default();
        stretches.iter().for_each(|stretch| histogram.absorb(&stretch.response));
        let sum = |of: fn(&Stretch) -> u64| stretches.iter().map(of).sum();
        let (count, errors) = (sum(|stretch| stretch.count), sum(|stretch| stretch.errors));
        Stored::of(name, 10, StoredRow { name: "GET /".to_owned(), count, errors, histogram, stretches })
    }

    fn stretch(self, slower: f64, random: &mut StdRng) -> Stretch {
        let mut stretch = Stretch::default();
        for _ in 0..self.in_a_stretch {
            let millis = self.median_ms * (slower + 0.5 * normal(random)).exp();
            stretch.response.record(Duration::from_secs_f64(millis / 1e3));
            stretch.count += 1;
            stretch.errors += u64::from(random.random::<f64>() < self.errors);
        }
        stretch
    }
}

/// Box and Muller.
fn normal(random: &mut StdRng) -> f64 {
    let (one, two): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}

/// The verdict on `after`, held against so many runs of `before`.
fn verdict(before: System, baselines: u64, after: System, seed: u64) -> Change {
    let seed = seed * 1_000;
    let runs: Vec<_> = (0..baselines).map(|run| before.run("before", seed + run)).collect();
    CompareReport::new(&runs, &after.run("after", seed + 999), &LIMITS).verdict
}

fn how_many(seeds: u64, wanted: Change, verdict: impl Fn(u64) -> Change) -> usize {
    (0..seeds).filter(|seed| verdict(*seed) == wanted).count()
}

#[test]
fn equal_systems_hardly_ever_fail() {
    let restless = System { unrest: 0.15, ..CALM };
    for system in [CALM, restless] {
        let alarms = how_many(60, Change::Worse, |seed| verdict(system, 1, system, seed));
        assert!(alarms <= 2, "{alarms} of 60");
    }
}

#[test]
fn runs_that_differ_of_themselves_hardly_ever_fail_with_several_baselines() {
    let moody = System { moods: 0.1, ..CALM };
    let alarms = how_many(25, Change::Worse, |seed| verdict(moody, 6, moody, seed));
    assert!(alarms <= 2, "{alarms} of 25");
    let alone = how_many(25, Change::Worse, |seed| verdict(moody, 1, moody, seed));
    assert!(alone > 3, "one baseline cannot know of the moods: {alone} of 25");
}

#[test]
fn a_fifth_slower_is_found() {
    let slower = System { median_ms: 48.0, ..CALM };
    assert!(how_many(20, Change::Worse, |seed| verdict(CALM, 1, slower, seed)) >= 19);
    assert!(how_many(20, Change::Better, |seed| verdict(slower, 1, CALM, seed)) >= 19);
    let moody = System { moods: 0.01, ..CALM };
    let slower = System { median_ms: 48.0, ..moody };
    assert!(how_many(10, Change::Worse, |seed| verdict(moody, 6, slower, seed)) >= 9);
}

#[test]
fn more_errors_are_found_and_a_few_are_not() {
    let failing = System { errors: 0.01, ..CALM };
    assert!(how_many(20, Change::Worse, |seed| verdict(CALM, 1, failing, seed)) >= 19);
    let hardly = System { errors: 0.0022, ..CALM };
    assert!(how_many(20, Change::Worse, |seed| verdict(CALM, 1, hardly, seed)) <= 1);
}

#[test]
fn what_is_certain_but_small_is_the_same() {
    let slightly = System { median_ms: 41.6, unrest: 0.01, ..CALM };
    let calm = System { unrest: 0.01, ..CALM };
    assert!(how_many(10, Change::Same, |seed| verdict(calm, 1, slightly, seed)) >= 9);
    let quick = System { median_ms: 0.3, ..CALM };
    let twice = System { median_ms: 0.6, ..CALM };
    assert_eq!(verdict(quick, 1, twice, 1), Change::Same, "less than a millisecond");
}

#[test]
fn nothing_can_be_told_of_too_few_samples_or_of_another_load() {
    let few = System { in_a_stretch: 1, ..CALM };
    assert_eq!(verdict(few, 1, few, 1), Change::Unknown);
    let current = CALM.run("after", 2);
    let mut other = CALM.run("before", 1);
    other.users = 11;
    let report = CompareReport::new(&[other], &current, &LIMITS);
    assert_eq!((report.verdict, report.exit()), (Change::Unknown, crate::Exit::Inconclusive));
    assert_eq!(report.notes, ["before is left out: 11 users, not 10"]);
    let doubted = CALM.run("after", 2).doubted("a worker was lost");
    let report = CompareReport::new(&[CALM.run("before", 1)], &doubted, &LIMITS);
    assert_eq!(report.notes, ["after is not a valid run: a worker was lost"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever is compared with itself is the same, or too little to tell.
    #[test]
    fn a_run_is_not_worse_than_itself(seed: u32, in_a_stretch in 0u32..400, errors in 0f64..0.5) {
        let system = System { in_a_stretch, errors, ..CALM };
        let runs = [system.run("before", seed.into())];
        let report = CompareReport::new(&runs, &system.run("after", seed.into()), &LIMITS);
        prop_assert!(matches!(report.verdict, Change::Same | Change::Unknown), "{report:?}");
    }
}
