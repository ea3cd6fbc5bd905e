use super::{Breaking, Comfort, Comfortable, Requirement, SearchReport};
use crate::exit::Exit;
use crate::load::capacity::axis::Axis;
use crate::load::capacity::drive::Timing;
use crate::load::capacity::search::{Search, Terms};
use crate::load::capacity::step::{Generator, GeneratorLimits, Percentiles, Recovery, StepOutcome};
use crate::load::capacity::{CapacityReport, report::Settings};

fn terms() -> Terms {
    Terms {
        axis: Axis::ArrivalRate,
        start: 10.0,
        max: 10_000.0,
        baseline: 1.0,
        tolerance: 0.05,
        confirm: 2,
        limits: GeneratorLimits::default(),
        seed: 1,
    }
}

/// A queue of one server: response times rise towards the limit, and beyond it the rest waits.
fn queue(limit: f64, level: f64, generator: f64) -> StepOutcome {
    let achieved = level.min(limit);
    let busy = (level / limit).min(0.999);
    let p95 = (1_000.0 / (1.0 - busy)) as u64;
    let faults = if level > generator { vec!["no CPU".to_owned()] } else { Vec::new() };
    StepOutcome {
        offered: level,
        achieved,
        goodput: achieved,
        concurrency: busy / (1.0 - busy),
        response: Some(Percentiles { p50: p95, p95, p99: p95, max: p95 }),
        generator: Generator { faults, ..Generator::default() },
        recovery: Some(Recovery::After { seconds: 1.5 }),
        ..StepOutcome::default()
    }
}

fn search(limit: f64, generator: f64, instances: Option<u32>) -> SearchReport {
    let mut search = Search::new(terms());
    while let Some(ask) = search.next() {
        search.take(queue(limit, ask.level, generator));
    }
    SearchReport::new("http://127.0.0.1:1".to_owned(), instances, &search, Vec::new())
}

fn report(searches: Vec<SearchReport>, require: Option<f64>) -> CapacityReport {
    let timing = Timing { warm_up: std::time::Duration::ZERO, window: std::time::Duration::from_secs(1) };
    CapacityReport {
        schema: "scalectl.loadtest.capacity/1",
        scenario: "test.yaml".to_owned(),
        axis: Axis::ArrivalRate,
        unit: Axis::ArrivalRate.unit(),
        goodput_unit: Axis::ArrivalRate.goodput_unit(),
        settings: Settings::new(&terms(), &timing),
        is_interrupted: false,
        requirement: require.map(|level| Requirement::judge(level, &searches[0])),
        searches,
        scaling: None,
    }
}

#[test]
fn the_three_numbers_stand_in_their_order_with_their_evidence() {
    let found = search(400.0, f64::INFINITY, Some(2));
    let peak = found.peak.unwrap();
    assert!((0.94..1.03).contains(&(peak.level / 400.0)), "{peak:?}");
    assert_eq!(peak.confirmed, Some(2));
    let Comfortable { level, decided_by, one_instance_less, .. } = found.comfortable.unwrap();
    assert_eq!((decided_by, Some(level)), (Comfort::OneInstanceLess, one_instance_less));
    assert!((level / peak.level - 0.5).abs() < 0.01);
    let Breaking { level, holds_up_to, reason } = found.breaking.unwrap();
    assert!(
        level > peak.level && holds_up_to.unwrap() < level && reason.starts_with("achieved "),
        "{reason}"
    );
    assert_eq!(found.recovery, Some(Recovery::After { seconds: 1.5 }));
}

#[test]
fn the_lowest_of_knee_and_part_of_peak_is_comfortable() {
    let comfortable = search(400.0, f64::INFINITY, None).comfortable.unwrap();
    let lowest = comfortable.knee.unwrap().min(comfortable.part_of_peak);
    assert_eq!((comfortable.level, comfortable.one_instance_less), (lowest, None));
}

#[test]
fn the_exit_code_is_the_requirements_or_the_findings() {
    let exit = |limit, generator, require| report(vec![search(limit, generator, None)], require).exit();
    let unlimited = f64::INFINITY;
    assert_eq!(exit(400.0, unlimited, None), Exit::Done);
    assert_eq!(exit(400.0, unlimited, Some(300.0)), Exit::Done);
    assert_eq!(exit(400.0, unlimited, Some(500.0)), Exit::Failed);
    assert_eq!(exit(0.1, unlimited, None), Exit::Failed);
    // The generator's limit of 200 answers what is required below it, and nothing above.
    assert_eq!(exit(400.0, 200.0, None), Exit::Inconclusive);
    assert_eq!(exit(400.0, 200.0, Some(100.0)), Exit::Done);
    assert_eq!(exit(400.0, 200.0, Some(300.0)), Exit::Inconclusive);
    let interrupted =
        CapacityReport { is_interrupted: true, ..report(vec![search(400.0, 200.0, None)], None) };
    assert_eq!(interrupted.exit(), Exit::Interrupted);
}
