//! What a run measured and what that means. Every output is made from this one value.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::disconnect::DisconnectReport;
use super::fanout::FanoutReport;
use super::generator::{GeneratorReport, HONEST_LAG_MICROS};
use super::ledger::Ledger;
use super::metrics::sampler::ServerReport;
use super::scenario::Plan;
use super::scenario::plan::{MetricDef, MetricKind, SCRIPT_ROW};
use super::slo::{Outcome, Slo, SloResult};
use super::storm::StormReport;
use super::stretch::{Stretch, Stretches};
use super::tally::{FailureCount, Row, Times as Histogram};
use super::timeline::Timeline;
use crate::exit::Exit;

/// What was seen of a run.
#[derive(Debug)]
pub struct Observed<'l> {
    /// Counts and times.
    pub ledger: &'l Ledger,
    /// The same, stretch by stretch.
    pub stretches: &'l Stretches,
    /// How long load lasted.
    pub measured: Duration,
    /// Whether somebody ended it early.
    pub is_interrupted: bool,
    /// In the open model, arrivals that were due.
    pub arrivals: Option<u64>,
    /// Processes that were lost on the way, with what is known of it.
    pub lost: Vec<String>,
    /// What became of the thresholds.
    pub slo: Vec<SloResult>,
    /// What became of what was published.
    pub fanouts: Vec<FanoutReport>,
    /// What became of connections that were cut.
    pub storms: Vec<StormReport>,
    /// What became of connections that were lost otherwise.
    pub disconnects: Option<DisconnectReport>,
}

/// The whole report.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The scenario file.
    pub scenario: String,
    /// The system under test.
    pub target: String,
    /// Whether it is well.
    pub verdict: Verdict,
    /// Virtual users that were made.
    pub users: u32,
    /// How long load lasted, in seconds.
    pub duration_seconds: f64,
    /// Seconds in each of the stretches that rows are cut into.
    pub stretch_seconds: u32,
    /// Scenarios gone through to their end.
    pub iterations: u64,
    /// All exchanges together; waits and deliveries are not among them.
    pub total: RowReport,
    /// Row by row, in the order of the file.
    pub rows: Vec<RowReport>,
    /// What was published, and what became of it.
    pub fanouts: Vec<FanoutReport>,
    /// Moments at which connections were cut, and how they came back.
    pub storms: Vec<StormReport>,
    /// Socket.IO connections that were lost otherwise, and how their users came back; `null` when none was.
    pub disconnects: Option<DisconnectReport>,
    /// Why steps failed, most frequent first.
    pub failures: Vec<FailureReport>,
    /// The thresholds.
    pub slo: Vec<SloResult>,
    /// How well the generator kept its own schedule.
    pub generator: GeneratorReport,
    /// How it went over time.
    pub timeline: Timeline,
    /// What the systems said of themselves meanwhile; `null` when none was to be asked.
    pub server: Option<ServerReport>,
    /// What every random choice came from; `--seed` repeats them.
    pub seed: u64,
    /// What else there is to know, such as rows that ran out.
    pub notes: Vec<String>,
}

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every threshold held.
    Passed,
    /// A threshold was missed.
    Failed,
    /// Nothing was measured that a threshold could be held against.
    Inconclusive,
    /// Ended early by Ctrl-C or SIGTERM; the thresholds are judged on what there is.
    Interrupted,
}

/// One row.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowReport {
    /// Its name.
    pub name: String,
    /// `exchange`, `sent`, `wait`, `delivery` or `setup`.
    pub kind: &'static str,
    /// The tags of its steps.
    pub tags: BTreeMap<String, String>,
    /// Steps done.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Steps a second.
    pub rate: f64,
    /// From the moment a step was due; `null` where there is no time.
    pub response: Option<Times>,
    /// From the moment it was begun.
    pub service: Option<Times>,
    /// All response times: `microseconds:count`, one after the other.
    #[serde(with = "super::pairs")]
    #[schemars(with = "String")]
    pub histogram: Histogram,
    /// The same for stretches of equal length, whole ones only; `loadtest compare` needs them.
    pub stretches: Vec<Stretch>,
}

/// A distribution of times, in microseconds.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Times {
    /// The shortest.
    pub min: u64,
    /// The mean.
    pub mean: f64,
    /// Half were shorter.
    pub p50: u64,
    /// 90 % were shorter.
    pub p90: u64,
    /// 95 % were shorter.
    pub p95: u64,
    /// 99 % were shorter.
    pub p99: u64,
    /// 99.9 % were shorter.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

/// One cause of failure of one row.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FailureReport {
    /// The row.
    pub row: String,
    /// The cause.
    pub cause: String,
    /// How often.
    pub count: u64,
    /// The first case.
    pub sample: String,
}

impl LoadReport {
    /// Sums up and judges.
    pub fn new(plan: &Plan, observed: Observed<'_>, timeline: Timeline) -> Self {
        let generator = GeneratorReport::new(&observed);
        let Observed { ledger, stretches, measured, is_interrupted, lost, mut slo, .. } = observed;
        let Observed { fanouts, storms, disconnects, .. } = observed;
        let has_lost = !lost.is_empty();
        let totals = ledger.totals();
        let seconds = measured.as_secs_f64();
        let script = MetricDef::of_http(SCRIPT_ROW, MetricKind::Exchange);
        let named = || plan.metrics.iter().chain([&script]).zip(&totals.rows);
        let mut sum = Row::default();
        named().filter(|(metric, _)| metric.kind.is_exchange()).for_each(|(_, row)| sum.absorb(row));
        plan.slos.iter().zip(&mut slo).for_each(|(slo, result)| own_delay(slo, result, &totals.lag));
        let shown =
            |(_, (metric, row)): &(usize, (&MetricDef, &Row))| metric.name != script.name || row.count > 0;
        let rows = named().enumerate().filter(shown);
        let rows = rows
            .map(|(index, (metric, row))| row_report(metric, row, seconds, stretches.of(index)))
            .collect();
        let all = MetricDef::of_http("all exchanges", MetricKind::Exchange);
        let names: Vec<&str> = named().map(|(metric, _)| metric.name.as_str()).collect();
        let failures = totals.failures.by_frequency().into_iter().map(|(metric, cause, failure)| {
            let FailureCount { count, sample } = failure;
            let row = names.get(metric).copied().unwrap_or_default().to_owned();
            FailureReport { row, cause: cause.to_owned(), count: *count, sample: sample.clone() }
        });
        Self {
            schema: "scalectl.loadtest/1",
            scenario: plan.file.clone(),
            target: plan.target.origin().ascii_serialization(),
            verdict: verdict(&slo, is_interrupted, has_lost, !generator.doubts.is_empty()),
            users: plan.load.users(),
            duration_seconds: (seconds * 1e3).round() / 1e3,
            stretch_seconds: stretches.seconds(),
            iterations: totals.iterations,
            total: row_report(&all, &sum, seconds, stretches.all()),
            rows,
            notes: notes(ledger, &fanouts),
            storms,
            disconnects,
            fanouts,
            failures: failures.collect(),
            slo,
            generator,
            timeline,
            server: None,
            seed: plan.seed,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.verdict.exit()
    }
}

impl Verdict {
    /// The exit code.
    pub fn exit(self) -> Exit {
        match self {
            Self::Passed => Exit::Done,
            Self::Failed => Exit::Failed,
            Self::Inconclusive => Exit::Inconclusive,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// A missed threshold outweighs one that nothing was measured for, and a load that was not what was asked for; but
/// nothing is known of what a lost process did.
fn verdict(slo: &[SloResult], is_interrupted: bool, has_lost: bool, fell_short: bool) -> Verdict {
    let any = |outcome| slo.iter().any(|result| result.outcome == outcome);
    match is_interrupted {
        true => Verdict::Interrupted,
        false if has_lost => Verdict::Inconclusive,
        false if any(Outcome::Failed) => Verdict::Failed,
        false if fell_short || any(Outcome::Inconclusive) => Verdict::Inconclusive,
        false => Verdict::Passed,
    }
}

/// A threshold on times that was missed by no more than the generator's own timers were late proves nothing: the
/// lateness is part of every response time.
fn own_delay(slo: &Slo, result: &mut SloResult, lag: &Histogram) {
    let Some(observed) = result.observed.filter(|_| result.outcome == Outcome::Failed) else {
        return;
    };
    let late = slo.measure.of(lag).filter(|late| *late > HONEST_LAG_MICROS);
    if late.is_some_and(|late| slo.holds(observed - late)) {
        result.outcome = Outcome::Inconclusive;
    }
}

fn notes(ledger: &Ledger, fanouts: &[FanoutReport]) -> Vec<String> {
    let spent = ledger.spent().map(|name| format!("{name} had no row left: whoever needed one stopped"));
    spent.into_iter().chain(fanouts.iter().flat_map(FanoutReport::doubts)).collect()
}

fn row_report(metric: &MetricDef, row: &Row, seconds: f64, stretches: Vec<Stretch>) -> RowReport {
    RowReport {
        name: metric.name.clone(),
        kind: metric.kind.word(),
        tags: metric.tags.clone(),
        count: row.count,
        errors: row.errors,
        rate: (10.0 * row.count as f64 / seconds.max(1e-3)).round() / 10.0,
        response: times(&row.response),
        service: times(&row.service),
        histogram: row.response.clone(),
        stretches,
    }
}

pub(super) fn times(histogram: &Histogram) -> Option<Times> {
    let histogram = histogram.histogram();
    let at = |quantile| histogram.value_at_quantile(quantile);
    (!histogram.is_empty()).then(|| Times {
        min: histogram.min(),
        mean: histogram.mean().round(),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max(),
    })
}
