//! How a run went over time: a point for every second, or for every few of a long run.
//!
//! A point is read off the histograms of its own time, so that its percentiles are true; the resolution is
//! chosen once, by the length that the run is meant to have.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::ledger::Second;
use super::scenario::plan::{MetricDef, exchanges};
use super::tally::{Row, Tally, Times};
use super::vitals::Effort;

/// A chart has no use for more points.
const MOST_POINTS: u32 = 1_200;
/// Bounds of the heat map's buckets in a decade; 1, 1.8, 3.2, 5.6, 10.
const BUCKETS_IN_A_DECADE: f64 = 4.0;

/// The course of a run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Seconds that each point stands for.
    pub step_seconds: u32,
    /// In order of time; a step that nothing is known of is left out.
    pub points: Vec<Point>,
}

/// What was done in one step of time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Its beginning, in seconds since the start of the load.
    pub at: u32,
    /// Users within an iteration at its end.
    pub active: u32,
    /// Exchanges.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Response times of all exchanges.
    pub response: Option<PointTimes>,
    /// How many exchanges took up to this many microseconds, and more than the bucket before: a logarithmic heat map.
    pub heat: Vec<(u64, u64)>,
    /// Row by row, in the order of the file.
    pub rows: Vec<RowPoint>,
    /// Failures by cause.
    pub causes: Vec<(String, u64)>,
    /// How the generator was.
    pub generator: GeneratorPoint,
}

/// How the generator was in one step of time.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorPoint {
    /// How much later than asked its timers fired; `null` when none was due.
    pub lag: Option<PointTimes>,
    /// Processor time that its processes used, in seconds; `null` for their first second.
    pub cpu_seconds: Option<f64>,
    /// How busy the machine's processors were with anything, percent.
    pub machine_busy_percent: Option<f64>,
}

/// What one row did in one step of time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowPoint {
    /// Steps done.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Response times.
    pub response: Option<PointTimes>,
}

/// Percentiles of response times, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PointTimes {
    /// Half were shorter.
    pub p50: u64,
    /// 95 % were shorter.
    pub p95: u64,
    /// 99 % were shorter.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// Makes a [`Timeline`] of seconds as they are closed.
#[derive(Debug)]
pub struct Chronicle {
    rows: usize,
    exchanges: Vec<usize>,
    timeline: Timeline,
    gathering: Option<Second>,
}

/// Seconds that each point of so long a run stands for.
pub fn step_seconds(duration: Duration) -> u32 {
    let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    seconds.div_ceil(MOST_POINTS).max(1)
}

impl Chronicle {
    /// For a run that is meant to last so long.
    pub fn new(duration: Duration, metrics: &[MetricDef]) -> Self {
        Self {
            rows: metrics.len(),
            exchanges: exchanges(metrics).collect(),
            timeline: Timeline { step_seconds: step_seconds(duration), points: Vec::new() },
            gathering: None,
        }
    }

    /// Adds a second.
    pub fn take(&mut self, second: &Second) {
        let step = second.number / self.timeline.step_seconds;
        if self.gathering.as_ref().is_some_and(|gathering| gathering.number != step) {
            self.close();
        }
        let empty =
            || Second { number: step, tally: Tally::new(second.tally.rows.len()), active: 0, effort: None };
        let gathering = self.gathering.get_or_insert_with(empty);
        gathering.tally.absorb(&second.tally);
        gathering.active = second.active;
        if let Some(effort) = second.effort {
            gathering.effort.get_or_insert_default().absorb(effort);
        }
        if (second.number + 1).is_multiple_of(self.timeline.step_seconds) {
            self.close();
        }
    }

    /// The points that are complete.
    pub fn points(&self) -> &[Point] {
        &self.timeline.points
    }

    /// The course so far.
    pub fn finish(mut self) -> Timeline {
        self.close();
        self.timeline
    }

    fn close(&mut self) {
        let Some(Second { number, tally, active, effort }) = self.gathering.take() else { return };
        let mut sum = Row::default();
        self.exchanges.iter().for_each(|row| sum.absorb(&tally.rows[*row]));
        let mut causes: Vec<(String, u64)> = Vec::new();
        for (_, cause, failure) in tally.failures.by_frequency() {
            match causes.iter_mut().find(|(known, _)| known == cause) {
                Some((_, count)) => *count += failure.count,
                None => causes.push((cause.to_owned(), failure.count)),
            }
        }
        self.timeline.points.push(Point {
            at: number * self.timeline.step_seconds,
            active,
            count: sum.count,
            errors: sum.errors,
            response: point_times(&sum.response),
            heat: heat(&sum.response),
            rows: tally.rows.iter().take(self.rows).map(row_point).collect(),
            causes,
            generator: generator_point(&tally.lag, effort),
        });
    }
}

fn row_point(row: &Row) -> RowPoint {
    RowPoint { count: row.count, errors: row.errors, response: point_times(&row.response) }
}

fn generator_point(lag: &Times, effort: Option<Effort>) -> GeneratorPoint {
    let rounded = |value: f64| (value * 1e3).round() / 1e3;
    GeneratorPoint {
        lag: point_times(lag),
        cpu_seconds: effort.map(|effort| rounded(effort.cpu_seconds)),
        machine_busy_percent: effort.and_then(Effort::machine_busy_percent).map(rounded),
    }
}

/// Percentiles of these times; none of no times.
pub fn point_times(times: &Times) -> Option<PointTimes> {
    let histogram = times.histogram();
    let at = |quantile| histogram.value_at_quantile(quantile);
    (!times.is_empty()).then(|| PointTimes {
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: histogram.max(),
    })
}

/// Counts by buckets that each reach a quarter of a decade further.
fn heat(times: &Times) -> Vec<(u64, u64)> {
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    for step in times.histogram().iter_recorded() {
        let quarter = ((step.value_iterated_to() as f64).log10() * BUCKETS_IN_A_DECADE).ceil();
        let bound = 10f64.powf(quarter / BUCKETS_IN_A_DECADE).round() as u64;
        match buckets.last_mut() {
            Some((last, count)) if *last == bound => *count += step.count_at_value(),
            _ => buckets.push((bound, step.count_at_value())),
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Chronicle, heat};
    use crate::load::ledger::Second;
    use crate::load::scenario::plan::{MetricDef, MetricKind};
    use crate::load::tally::{Tally, Times};

    fn second(number: u32, millis: &[u64]) -> Second {
        let mut tally = Tally::new(1);
        for ms in millis {
            tally.rows[0].add(Duration::from_millis(*ms), Duration::from_millis(*ms));
        }
        Second { number, tally, active: number, effort: None }
    }

    fn chronicle(seconds: u64) -> Chronicle {
        let metric = MetricDef::of_http("GET /", MetricKind::Exchange);
        Chronicle::new(Duration::from_secs(seconds), &[metric])
    }

    #[test]
    fn every_second_of_a_short_run_is_a_point_of_its_own() {
        let mut chronicle = chronicle(3);
        [second(0, &[1, 2, 3]), second(1, &[]), second(2, &[100])].iter().for_each(|s| chronicle.take(s));
        let timeline = chronicle.finish();
        let seen: Vec<_> =
            timeline.points.iter().map(|point| (point.at, point.count, point.active)).collect();
        assert_eq!(seen, [(0, 3, 0), (1, 0, 1), (2, 1, 2)]);
        assert_eq!(timeline.points[1].response, None);
    }

    #[test]
    fn seconds_of_a_long_run_share_a_point_with_the_percentiles_of_all_of_them() {
        let mut chronicle = chronicle(3_600);
        (0..6).for_each(|number| chronicle.take(&second(number, &[1, 1, 1, u64::from(number) * 10 + 1])));
        let timeline = chronicle.finish();
        let seen: Vec<_> =
            timeline.points.iter().map(|p| (p.at, p.count, p.response.unwrap().max / 1_000)).collect();
        assert_eq!((timeline.step_seconds, seen), (3, vec![(0, 12, 21), (3, 12, 51)]));
    }

    #[test]
    fn heat_has_four_buckets_in_a_decade() {
        let mut times = Times::default();
        [900, 1_000, 1_500, 1_700, 9_999].iter().for_each(|us| times.record(Duration::from_micros(*us)));
        assert_eq!(heat(&times), [(1_000, 2), (1_778, 2), (10_000, 1)]);
    }
}
