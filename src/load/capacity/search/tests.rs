use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Ask, Finding, Purpose, Search, Terms};
use crate::load::capacity::axis::Axis;
use crate::load::capacity::step::{Generator, GeneratorLimits, Percentiles, Recovery, StepOutcome, Verdict};

/// More steps would be no search.
const MANY_STEPS: usize = 80;

/// A system with a known limit, and a generator with its own.
#[derive(Debug)]
struct Simulated {
    /// What it can do; above it, the rest waits.
    limit: f64,
    /// The relative error of what is measured.
    noise: f64,
    /// The highest level that the generator can drive.
    generator: f64,
    /// Steps, by number, that some other program spoils.
    spoilt: Vec<usize>,
    /// Whether what the generator cannot do is told.
    is_honest: bool,
    random: StdRng,
}

impl Simulated {
    fn new(limit: f64) -> Self {
        let (generator, random) = (f64::INFINITY, StdRng::seed_from_u64(1));
        Self { limit, noise: 0.0, generator, spoilt: Vec::new(), is_honest: true, random }
    }

    fn step(&mut self, number: usize, ask: &Ask) -> StepOutcome {
        let noise = if self.noise > 0.0 { self.random.random_range(-self.noise..self.noise) } else { 0.0 };
        let is_spoilt = self.spoilt.contains(&number);
        let sent = ask.level.min(self.generator);
        let achieved = sent.min(self.limit * (1.0 + noise)) * if is_spoilt { 0.93 } else { 1.0 };
        let p95 = if achieved < ask.level { 4_000_000 } else { 10_000 };
        let faults =
            if ask.level > self.generator && self.is_honest { vec!["no CPU".to_owned()] } else { vec![] };
        StepOutcome {
            offered: ask.level,
            achieved,
            goodput: achieved,
            response: Some(Percentiles { p50: p95 / 2, p95, p99: p95, max: p95 }),
            generator: Generator { faults, ..Generator::default() },
            recovery: (ask.purpose == Purpose::Overload).then_some(Recovery::After { seconds: 1.0 }),
            ..StepOutcome::default()
        }
    }
}

fn terms() -> Terms {
    Terms {
        axis: Axis::ArrivalRate,
        start: 10.0,
        max: 100_000.0,
        baseline: 1.0,
        tolerance: 0.05,
        confirm: 2,
        limits: GeneratorLimits::default(),
        seed: 3,
    }
}

fn run(terms: Terms, mut step: impl FnMut(usize, &Ask) -> StepOutcome) -> Search {
    let mut search = Search::new(terms);
    while let Some(ask) = search.next() {
        assert!(search.steps().len() < MANY_STEPS, "it does not end: {:#?}", search.steps());
        search.take(step(search.steps().len(), &ask));
    }
    search
}

fn on(system: &mut Simulated) -> Search {
    run(terms(), |number, ask| system.step(number, ask))
}

/// What must hold of every search that found a limit, whatever the system does.
fn is_sound(search: &Search) -> Result<(), String> {
    let mut verdicts: BTreeMap<u64, Vec<Verdict>> = BTreeMap::new();
    for step in search.steps() {
        verdicts.entry(step.ask.level.to_bits()).or_default().push(step.judged.verdict);
    }
    let of = |level: f64| verdicts.get(&level.to_bits()).cloned().unwrap_or_default();
    let (Some(best), Some(failing)) = (search.best(), search.first_failing()) else {
        return Err("found, and no bounds".to_owned());
    };
    let passes = of(best).iter().filter(|verdict| **verdict == Verdict::Passed).count();
    if passes < search.terms().confirm as usize {
        return Err(format!("the best level passed {passes} times only"));
    }
    if !of(failing).contains(&Verdict::Failed) {
        return Err("what is called failing never failed".to_owned());
    }
    let gap = failing / best - 1.0;
    if gap > 1.1 * search.terms().tolerance + 0.01 {
        return Err(format!("the bounds are {:.0} % apart", 100.0 * gap));
    }
    Ok(())
}

/// The whole judgement of a search on a system whose limits are known.
fn is_right(search: &Search, system: &Simulated) -> Result<(), String> {
    let best = search.best().ok_or("nothing passed")?;
    match search.finding() {
        Finding::Found => {
            is_sound(search)?;
            let error = best / system.limit - 1.0;
            let allowed = search.terms().tolerance + system.noise + 0.01;
            if error.abs() > allowed {
                return Err(format!("{best} where {} is true", system.limit));
            }
            Ok(())
        }
        // A step that was offered 2 % too much still passes; one tolerance above it nothing valid is seen any more.
        Finding::AboveGenerator if system.generator < 1.08 * system.limit => Ok(()),
        Finding::AboveMaximum if system.limit * (1.0 + system.noise) >= 0.98 * search.terms().max => Ok(()),
        other => Err(format!("{other:?} at {best}")),
    }
}

#[test]
fn it_climbs_halves_confirms_and_overloads_in_this_order() {
    let search = on(&mut Simulated::new(250.0));
    let purposes: Vec<_> = search.steps().iter().map(|step| step.ask.purpose).collect();
    assert!(purposes.is_sorted_by_key(|purpose| *purpose as u8), "{purposes:?}");
    let climb: Vec<f64> = search.steps().iter().map(|step| step.ask.level).take(7).collect();
    assert_eq!(climb, [1.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0]);
    let overloads = search.steps().iter().filter(|step| step.ask.purpose == Purpose::Overload);
    let best = search.best().unwrap();
    assert_eq!(
        overloads.map(|step| step.ask.level).collect::<Vec<_>>(),
        [Axis::ArrivalRate.round(1.25 * best)]
    );
    assert_eq!((search.finding(), search.confirmed()), (Finding::Found, Some(2)));
}

#[test]
fn the_confirmation_is_in_an_order_that_the_seed_decides() {
    let order = |seed| {
        let mut system = Simulated::new(250.0);
        let search = run(Terms { seed, ..terms() }, |number, ask| system.step(number, ask));
        let confirm = search.steps().iter().filter(|step| step.ask.purpose == Purpose::Confirm);
        confirm.map(|step| step.judged.verdict).collect::<Vec<_>>()
    };
    let orders: Vec<_> = (0..20).map(order).collect();
    assert!(orders.iter().all(|order| order.len() == 3));
    assert!(orders.iter().any(|order| *order != orders[0]), "always {:?}", orders[0]);
    assert_eq!(order(5), order(5));
}

#[test]
fn a_system_that_fails_at_once_is_tried_twice_and_then_said_to() {
    let search = on(&mut Simulated::new(0.93));
    assert_eq!((search.finding(), search.steps().len(), search.best()), (Finding::FailsAtBaseline, 2, None));
    let search = on(&mut Simulated::new(0.1));
    assert_eq!((search.finding(), search.steps().len()), (Finding::FailsAtBaseline, 1));
}

#[test]
fn a_limit_below_the_start_is_found_between_baseline_and_start() {
    let mut system = Simulated::new(4.0);
    let search = on(&mut system);
    is_right(&search, &system).unwrap();
}

#[test]
fn without_a_limit_it_ends_at_the_maximum_and_does_not_go_beyond() {
    let search = on(&mut Simulated::new(f64::INFINITY));
    assert_eq!((search.finding(), search.best()), (Finding::AboveMaximum, Some(100_000.0)));
    assert!(search.steps().iter().all(|step| step.ask.level <= 100_000.0));
    assert_eq!(search.confirmed(), Some(2));
}

/// Every answer that the generator's own weakness could have caused says so.
#[test]
fn a_limit_above_the_generators_is_not_called_the_systems() {
    let mut system = Simulated { generator: 300.0, ..Simulated::new(1_000.0) };
    let search = on(&mut system);
    assert_eq!((search.finding(), search.first_failing()), (Finding::AboveGenerator, None));
    let best = search.best().unwrap();
    assert!((280.0..=300.0).contains(&best), "{best}");
    assert!(search.steps().iter().all(|step| step.judged.verdict != Verdict::Failed));
}

#[test]
fn a_limit_below_the_generators_is_found_although_higher_steps_were_invalid() {
    let mut system = Simulated { generator: 300.0, ..Simulated::new(200.0) };
    let search = on(&mut system);
    assert_eq!(search.finding(), Finding::Found);
    is_right(&search, &system).unwrap();
}

/// A judgement that forgets the generator takes its limit for the system's: the check sees it.
#[test]
fn the_check_catches_a_generator_that_hides_its_limit() {
    let mut system = Simulated { generator: 300.0, is_honest: false, ..Simulated::new(1_000.0) };
    let search = on(&mut system);
    assert_eq!(search.finding(), Finding::Found);
    assert!(is_right(&search, &system).is_err());
}

/// Steps that were never confirmed, or bounds that are too far apart, are seen by the check.
#[test]
fn the_check_catches_a_search_that_ends_too_soon() {
    let mut system = Simulated::new(250.0);
    let hasty = run(Terms { confirm: 0, ..terms() }, |number, ask| system.step(number, ask));
    let claimed = Search { terms: terms(), ..hasty };
    assert_eq!(is_sound(&claimed), Err("the best level passed 1 times only".to_owned()));
    let coarse = run(Terms { tolerance: 0.5, ..terms() }, |number, ask| system.step(number, ask));
    let claimed = Search { terms: terms(), ..coarse };
    assert!(is_sound(&claimed).unwrap_err().starts_with("the bounds are"));
}

#[test]
fn one_spoilt_step_does_not_become_the_limit() {
    for spoilt in 0..12 {
        let mut system = Simulated { spoilt: vec![spoilt], ..Simulated::new(250.0) };
        let search = on(&mut system);
        is_right(&search, &system).unwrap_or_else(|error| panic!("step {spoilt} spoilt: {error}"));
    }
}

/// Steps 6 and 7 stand still for a while, however low their level: what they failed at is held after all.
#[test]
fn a_level_that_failed_by_accident_is_found_out() {
    let mut system = Simulated::new(250.0);
    let search = run(terms(), |number, ask| {
        let outcome = system.step(number, ask);
        let achieved = if (5..7).contains(&number) { 0.5 * ask.level } else { outcome.achieved };
        StepOutcome { achieved, goodput: achieved, ..outcome }
    });
    assert!(search.reopened > 0, "{:#?}", search.steps());
    is_right(&search, &system).unwrap();
}

#[test]
fn a_best_level_that_does_not_pass_again_gives_way() {
    let mut system = Simulated::new(250.0);
    let search = run(terms(), |number, ask| {
        // It tires: once confirmation begins it holds less.
        system.limit = if ask.purpose == Purpose::Confirm { 230.0 } else { 250.0 };
        system.step(number, ask)
    });
    assert_eq!(search.finding(), Finding::Found);
    let best = search.best().unwrap();
    assert!((215.0..=235.0).contains(&best), "{best}");
    let mut system = Simulated::new(250.0);
    let search = run(terms(), |number, ask| {
        system.limit = if ask.purpose == Purpose::Confirm { 50.0 } else { 250.0 };
        system.step(number, ask)
    });
    assert_eq!((search.finding(), search.confirmed()), (Finding::Unsteady, Some(0)));
}

/// A closed system misses no threshold: its users wait. What it holds is where more users bring no more.
#[test]
fn users_beyond_saturation_are_a_failure_although_every_threshold_holds() {
    let terms = Terms { axis: Axis::Users, start: 4.0, ..terms() };
    let search = run(terms, |_, ask| StepOutcome {
        offered: ask.level,
        achieved: ask.level,
        goodput: (ask.level * 10.0).min(500.0),
        ..StepOutcome::default()
    });
    assert_eq!(search.finding(), Finding::Found);
    let best = search.best().unwrap();
    assert!((48.0..=53.0).contains(&best), "{best}");
    let reasons: Vec<_> = search.steps().iter().flat_map(|step| &step.judged.reasons).collect();
    assert!(reasons.iter().all(|reason| reason.starts_with("saturated: ")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("2.00 times the users brought 1.00")), "{reasons:?}");
}

#[test]
fn overload_goes_on_until_something_breaks() {
    // Thresholds are missed from 100 on, and it breaks at 300.
    let step = |ask: &Ask| {
        let missed = if ask.level > 100.0 { vec!["p95 < 200ms (300ms)".to_owned()] } else { Vec::new() };
        let achieved = if ask.level > 300.0 { 0.5 * ask.level } else { ask.level };
        StepOutcome { offered: ask.level, achieved, goodput: achieved, missed, ..StepOutcome::default() }
    };
    let search = run(terms(), |_, ask| step(ask));
    let overloads: Vec<_> =
        search.steps().iter().filter(|step| step.ask.purpose == Purpose::Overload).collect();
    assert!(overloads.len() >= 3 && overloads.last().unwrap().outcome.breaks().is_some(), "{overloads:?}");
    assert!(overloads.iter().rev().skip(1).all(|step| step.outcome.breaks().is_none()));
}

proptest! {
    #[test]
    fn any_limit_is_found_within_the_tolerance(
        limit in 1.1f64..150_000.0,
        noise in prop_oneof![Just(0.0), 0.0f64..0.03],
        generator in prop_oneof![Just(f64::INFINITY), 1.0f64..200_000.0],
        seed: u64,
    ) {
        let random = StdRng::seed_from_u64(seed);
        let mut system = Simulated { noise, generator, random, ..Simulated::new(limit) };
        let search = on(&mut system);
        prop_assume!(search.finding() != Finding::Unsteady);
        if let Err(error) = is_right(&search, &system) {
            prop_assert!(false, "{error}: {:#?}", search.steps());
        }
    }

    #[test]
    fn a_step_that_was_invalid_never_bounds_what_is_found(generator in 2.0f64..1_000.0, limit in 2.0f64..1_000.0) {
        let mut system = Simulated { generator, ..Simulated::new(limit) };
        let search = on(&mut system);
        if search.finding() == Finding::Found {
            let failing = search.first_failing().unwrap();
            let at = search.steps().iter().filter(|step| step.ask.level == failing);
            prop_assert!(at.clone().any(|step| step.judged.verdict == Verdict::Failed));
        } else {
            prop_assert!(search.first_failing().is_none());
        }
    }

    #[test]
    fn it_always_ends_whatever_it_is_told(verdicts in proptest::collection::vec(0u8..4, 200), confirm in 0u32..4) {
        let terms = Terms { confirm, max: 1_000.0, ..terms() };
        let search = run(terms, |number, ask| {
            let achieved = [1.0, 0.93, 0.5, 1.0][verdicts[number] as usize] * ask.level;
            let faults = if verdicts[number] == 3 { vec!["fault".to_owned()] } else { Vec::new() };
            let generator = Generator { faults, ..Generator::default() };
            StepOutcome { offered: ask.level, achieved, goodput: achieved, generator, ..StepOutcome::default() }
        });
        prop_assert!(search.finding() != Finding::Unfinished);
    }
}
