//! The charts of a search: what came of each level, how long it took, what was full, and the law over it.

use std::collections::BTreeMap;

use crate::load::capacity::CapacityReport;
use crate::load::capacity::law::{FARTHEST, Fit, Point};
use crate::load::capacity::report::{SearchReport, StepReport};
use crate::load::capacity::scaling::{LawReport, Scaling};
use crate::load::capacity::step::{Percentiles, Verdict};
use crate::output::chart::axis::{Axis, Unit};
use crate::output::chart::{Chart, Mark, Picture, Series, draw};

/// Resources with a colour of their own.
const COLOURS: usize = 7;
/// Places at which a law is worked out.
const PLACES: u32 = 80;

/// What shares the axis of levels, each with its name in the page; `number` tells searches apart.
pub fn of_levels(search: &SearchReport, report: &CapacityReport, number: usize) -> Vec<(String, Picture)> {
    let named = |name: &str, chart: Chart| (format!("{name}-{number}"), draw(&chart));
    let charts =
        [named("capacity-curve", curve(search, report)), named("capacity-times", times(search, report))];
    let limits = limits(search, report).map(|chart| named("capacity-limits", chart));
    charts.into_iter().chain(limits).collect()
}

/// Goodput over users under way.
pub fn of_law(search: &SearchReport, report: &CapacityReport, number: usize) -> (String, Picture) {
    let points = valid(search).map(|step| Point { size: step.concurrency, throughput: step.goodput });
    let measured: Vec<Point> = points.filter(|point| point.size >= 1.0).collect();
    let title = format!("Goodput ({}) by users under way, and the scalability law", report.goodput_unit);
    (format!("capacity-law-{number}"), draw(&law(title, &measured, &search.law)))
}

/// The peaks over the numbers of instances.
pub fn of_instances(scaling: &Scaling, report: &CapacityReport) -> (String, Picture) {
    let title = format!("Goodput ({}) by instances, and the scalability law", report.goodput_unit);
    ("capacity-instances".to_owned(), draw(&law(title, &scaling.points, &scaling.law)))
}

fn valid(search: &SearchReport) -> impl Iterator<Item = &StepReport> {
    search.steps.iter().filter(|step| step.verdict != Verdict::Invalid)
}

/// Of several valid steps at a level the last, the lowest level first.
fn by_level(search: &SearchReport) -> Vec<&StepReport> {
    valid(search).map(|step| (step.level.to_bits(), step)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// One axis for all charts over levels.
fn levels(search: &SearchReport) -> Axis {
    let highest = search.steps.iter().map(|step| step.level).fold(0.0, f64::max);
    Axis::linear(Unit::Count).up_to(highest)
}

fn series(name: &str, mark: Mark, points: Vec<(f64, Option<f64>)>) -> Series {
    Series { name: name.to_owned(), mark, is_right: false, points }
}

fn curve(search: &SearchReport, report: &CapacityReport) -> Chart {
    let line = by_level(search).iter().map(|step| (step.level, Some(step.goodput))).collect();
    let mut all = vec![series("goodput", Mark::Line, line)];
    for (name, verdict) in
        [("passed", Verdict::Passed), ("failed", Verdict::Failed), ("invalid", Verdict::Invalid)]
    {
        let steps = search.steps.iter().filter(|step| step.verdict == verdict);
        let mut dots: Vec<_> = steps.map(|step| (step.level, Some(step.goodput))).collect();
        dots.sort_by(|one, other| one.0.total_cmp(&other.0));
        all.push(series(name, Mark::Dots, dots));
    }
    let numbers = [
        ("comfortable", search.comfortable.as_ref().map(|comfortable| comfortable.level)),
        ("peak", search.peak.as_ref().map(|peak| peak.level)),
        ("breaking", search.breaking.as_ref().map(|breaking| breaking.level)),
    ];
    let upright =
        |(name, level): (&str, Option<f64>)| Some(series(name, Mark::Upright, vec![(level?, None)]));
    all.extend(numbers.into_iter().filter_map(upright));
    Chart {
        title: format!("Goodput ({}) by level ({})", report.goodput_unit, report.unit),
        x: levels(search),
        left: Axis::linear(Unit::Count),
        right: None,
        series: all,
    }
}

fn times(search: &SearchReport, report: &CapacityReport) -> Chart {
    let steps = by_level(search);
    let line = |name, pick: fn(&Percentiles) -> u64| {
        let value = |step: &&StepReport| (step.level, step.response.map(|times| pick(&times) as f64));
        series(name, Mark::Line, steps.iter().map(value).collect())
    };
    Chart {
        title: format!("Response times by level ({})", report.unit),
        x: levels(search),
        left: Axis::log(Unit::Micros),
        right: None,
        series: vec![
            line("p50", |times| times.p50),
            line("p95", |times| times.p95),
            line("p99", |times| times.p99),
            line("longest", |times| times.max),
        ],
    }
}

/// The resources that came nearest to their limits.
fn limits(search: &SearchReport, report: &CapacityReport) -> Option<Chart> {
    let steps = by_level(search);
    let mut most: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for reading in steps.iter().flat_map(|step| &step.server) {
        if let Some(part) = reading.saturation {
            let known = most.entry((reading.source, reading.name)).or_default();
            *known = known.max(part);
        }
    }
    let mut named: Vec<_> = most.into_iter().collect();
    named.sort_by(|one, other| other.1.total_cmp(&one.1));
    let line = |((source, name), _): &((&str, &str), f64)| {
        let value = |step: &&StepReport| {
            let found = step.server.iter().find(|reading| reading.source == *source && reading.name == *name);
            // Twice its limit is as full as ten times it.
            (step.level, found.and_then(|reading| Some((100.0 * reading.saturation?).min(200.0))))
        };
        series(&format!("{source} {name}"), Mark::Line, steps.iter().map(value).collect())
    };
    let series: Vec<_> = named.iter().take(COLOURS).map(line).collect();
    (!series.is_empty()).then(|| Chart {
        title: format!("How near the systems are to their limits by level ({})", report.unit),
        x: levels(search),
        left: Axis::linear(Unit::Percent).up_to(100.0),
        right: None,
        series,
    })
}

/// What was measured, and the law with the interval that holds it in 95 of 100 cases, where there is one.
fn law(title: String, measured: &[Point], law: &LawReport) -> Chart {
    let mut dots: Vec<_> = measured.iter().map(|point| (point.size, Some(point.throughput))).collect();
    dots.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut all = vec![series("measured", Mark::Dots, dots)];
    if let LawReport::Fitted(fit) = law {
        all.extend(fitted(fit));
    }
    Chart { title, x: Axis::linear(Unit::Count), left: Axis::linear(Unit::Count), right: None, series: all }
}

fn fitted(fit: &Fit) -> [Series; 2] {
    // The last place is the farthest that anything is said about; rounding must not put it beyond.
    let last = FARTHEST * fit.largest;
    let size = |place: u32| (1.0 + (last - 1.0) * f64::from(place) / f64::from(PLACES)).min(last);
    let places = (0..=PLACES).filter_map(|place| Some((size(place), fit.throughput(size(place)).ok()?)));
    let places: Vec<_> = places.collect();
    let line = places.iter().map(|(size, found)| (*size, Some(found.value))).collect();
    let above = places.iter().map(|(size, found)| (*size, Some(found.high)));
    let below = places.iter().rev().map(|(size, found)| (*size, Some(found.low)));
    let around = above.chain(below).collect();
    [series("scalability law", Mark::Line, line), series("95 % interval", Mark::Within, around)]
}

#[cfg(test)]
mod tests {
    use super::{Point, law};
    use crate::load::capacity::law::Law;
    use crate::load::capacity::scaling::LawReport;
    use crate::output::chart::{Mark, draw};

    #[test]
    fn a_law_is_a_line_within_its_interval_up_to_twice_what_was_measured() {
        let truth = Law { gamma: 100.0, alpha: 0.05, beta: 0.000_1 };
        let noise = [1.02, 0.97, 1.01, 0.99, 1.03, 0.98, 1.0];
        let sizes = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
        let points: Vec<_> = sizes
            .iter()
            .zip(noise)
            .map(|(size, noise)| Point { size: *size, throughput: truth.throughput(*size) * noise })
            .collect();
        let chart = law("Goodput".to_owned(), &points, &LawReport::of(&points, 6));
        let [dots, line, around] = &chart.series[..] else { panic!("{chart:#?}") };
        assert_eq!((dots.points.len(), around.mark), (7, Mark::Within));
        assert_eq!(line.points.last().unwrap().0, 128.0);
        let (above, below) = around.points.split_at(line.points.len());
        for ((at, above), below) in line.points.iter().zip(above).zip(below.iter().rev()) {
            assert!(below.1 <= at.1 && at.1 <= above.1, "{at:?} is not within {below:?} and {above:?}");
        }
        assert!(above.iter().zip(below.iter().rev()).any(|(above, below)| above.1 > below.1));
        assert!(draw(&chart).svg.contains("<polygon"));
    }

    #[test]
    fn without_a_law_there_are_the_points() {
        let points = [Point { size: 1.0, throughput: 10.0 }];
        let chart = law("Goodput".to_owned(), &points, &LawReport::of(&points, 6));
        assert_eq!(chart.series.len(), 1);
    }
}
