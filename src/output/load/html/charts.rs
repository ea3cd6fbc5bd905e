//! The charts of a run, all on one axis of time.

use super::systems;
use crate::load::LoadReport;
use crate::load::timeline::{Point, PointTimes, Timeline};
use crate::output::chart::axis::{Axis, Unit};
use crate::output::chart::heat::{self, HeatMap};
use crate::output::chart::{Chart, Mark, Picture, Series, draw};
use crate::text::printable;

/// Causes that have a colour of their own; the rest is added up.
const SHOWN_CAUSES: usize = 6;
/// Heat buckets of a report: four in a decade.
const HEAT_FACTOR: f64 = 1.778_279_41;

/// Each with its name in the page.
pub fn all(report: &LoadReport) -> Vec<(String, Picture)> {
    let mut charts = of_course(&report.timeline);
    if charts.is_empty() {
        return charts;
    }
    let end = Course::of(&report.timeline).end();
    charts.extend(report.server.iter().flat_map(|server| systems::all(server, end)));
    charts
}

/// The charts of a course, which may go on.
pub fn of_course(timeline: &Timeline) -> Vec<(String, Picture)> {
    if timeline.points.is_empty() {
        return Vec::new();
    }
    let course = Course::of(timeline);
    let mut charts = vec![
        ("users-and-rate", draw(&course.users_and_rate())),
        ("response-times", draw(&course.response_times())),
        ("latency-heat", heat::draw(&course.heat())),
    ];
    if timeline.points.iter().any(|point| !point.causes.is_empty()) {
        charts.push(("errors-by-cause", draw(&course.causes())));
    }
    charts.push(("generator-effort", draw(&course.generator())));
    charts.into_iter().map(|(id, picture)| (id.to_owned(), picture)).collect()
}

struct Course<'r> {
    step: f64,
    points: &'r [Point],
}

impl<'r> Course<'r> {
    fn of(timeline: &'r Timeline) -> Self {
        Self { step: timeline.step_seconds.into(), points: &timeline.points }
    }

    fn series(&self, name: &str, mark: Mark, value: impl Fn(&Point) -> Option<f64>) -> Series {
        let points = self.points.iter().map(|point| (f64::from(point.at), value(point))).collect();
        Series { name: name.to_owned(), mark, is_right: false, points }
    }

    /// Every chart ends where the last point does.
    fn time(&self) -> Axis {
        Axis::linear(Unit::Time).up_to(self.end())
    }

    fn end(&self) -> f64 {
        self.points.last().map_or(0.0, |point| f64::from(point.at) + self.step)
    }

    fn users_and_rate(&self) -> Chart {
        let users = self.series("users at work", Mark::Area, |point| Some(point.active.into()));
        let rate =
            self.series("exchanges a second", Mark::Line, |point| Some(point.count as f64 / self.step));
        Chart {
            title: "Users and rate".to_owned(),
            x: self.time(),
            left: Axis::linear(Unit::Count),
            right: Some(Axis::linear(Unit::PerSecond)),
            series: vec![users, Series { is_right: true, ..rate }],
        }
    }

    fn response_times(&self) -> Chart {
        let line = |name, pick: fn(PointTimes) -> u64| {
            self.series(name, Mark::Line, move |point| Some(pick(point.response?) as f64))
        };
        let series = vec![
            line("p50", |times| times.p50),
            line("p95", |times| times.p95),
            line("p99", |times| times.p99),
            line("longest", |times| times.max),
        ];
        Chart {
            title: "Response times".to_owned(),
            x: self.time(),
            left: Axis::log(Unit::Micros),
            right: None,
            series,
        }
    }

    fn heat(&self) -> HeatMap {
        let column = |point: &Point| (f64::from(point.at), point.heat.clone());
        HeatMap {
            title: "How many took how long",
            step: self.step,
            columns: self.points.iter().map(column).collect(),
            factor: HEAT_FACTOR,
        }
    }

    fn causes(&self) -> Chart {
        let causes = self.frequent_causes();
        let (named, rest) = causes.split_at(causes.len().min(SHOWN_CAUSES));
        let sum = |point: &Point, wanted: &[String]| {
            let known = point.causes.iter().filter(|(cause, _)| wanted.contains(cause));
            Some(known.map(|(_, count)| *count as f64).sum::<f64>() / self.step)
        };
        let bars = Mark::Bars(self.step);
        let one = |cause: &String| {
            self.series(&printable(cause), bars, |point| sum(point, std::slice::from_ref(cause)))
        };
        let mut series: Vec<Series> = named.iter().map(one).collect();
        if !rest.is_empty() {
            series.push(self.series("other causes", bars, |point| sum(point, rest)));
        }
        Chart {
            title: "Errors by cause".to_owned(),
            x: self.time(),
            left: Axis::linear(Unit::PerSecond),
            right: None,
            series,
        }
    }

    fn frequent_causes(&self) -> Vec<String> {
        let mut counts = std::collections::BTreeMap::<&str, u64>::new();
        for (cause, count) in self.points.iter().flat_map(|point| &point.causes) {
            *counts.entry(cause).or_default() += count;
        }
        let mut causes: Vec<_> = counts.into_iter().collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        causes.into_iter().map(|(cause, _)| cause.to_owned()).collect()
    }

    fn generator(&self) -> Chart {
        let busy = self.series("machine busy", Mark::Area, |point| point.generator.machine_busy_percent);
        let own = self.series("the generator, of one processor", Mark::Line, |point| {
            Some(100.0 * point.generator.cpu_seconds? / self.step)
        });
        let lag = self.series("timers late, p99", Mark::Line, |point| Some(point.generator.lag?.p99 as f64));
        Chart {
            title: "The generator".to_owned(),
            x: self.time(),
            left: Axis::linear(Unit::Percent).up_to(100.0),
            right: Some(Axis::log(Unit::Micros)),
            series: vec![busy, own, Series { is_right: true, ..lag }],
        }
    }
}
