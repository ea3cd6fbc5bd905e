//! What a run measured and what that means. Every output is made from this one value.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

use super::recorder::{Row, Totals};
use super::scenario::Plan;
use super::scenario::plan::{MetricDef, MetricKind};
use super::slo::{Measure, Outcome, Slo, SloResult};
use crate::exit::Exit;

/// What was seen of a run.
#[derive(Debug)]
pub struct Observed {
    /// Counts and times.
    pub totals: Totals,
    /// How long load lasted.
    pub measured: Duration,
    /// Whether somebody ended it early.
    pub is_interrupted: bool,
    /// In the open model, arrivals that were due.
    pub arrivals: Option<u64>,
    /// Iterations that were begun.
    pub begun: u64,
    /// Users that a mistake of ours ended.
    pub broken_users: u32,
    /// The payload that had no row left for somebody.
    pub spent: Option<String>,
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
    /// Scenarios gone through to their end.
    pub iterations: u64,
    /// All exchanges together; waits and deliveries are not among them.
    pub total: RowReport,
    /// Row by row, in the order of the file.
    pub rows: Vec<RowReport>,
    /// Why steps failed, most frequent first.
    pub failures: Vec<FailureReport>,
    /// The thresholds.
    pub slo: Vec<SloResult>,
    /// How well the generator kept its own schedule.
    pub generator: GeneratorReport,
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

/// How well the generator kept its own schedule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorReport {
    /// How much later than asked timers fired; `null` when none was set.
    pub lag: Option<Times>,
    /// Arrivals that had to wait for a free user; their response times count the wait.
    pub late_starts: u64,
    /// Arrivals that were due and never began, because no user was free; `null` in the closed model.
    pub dropped_arrivals: Option<u64>,
    /// Virtual users that a mistake of the generator ended.
    pub broken_users: u32,
}

impl GeneratorReport {
    /// Whether the load was not what was asked for: more than 1 % of the arrivals never began, or a user broke.
    fn fell_short(&self, arrivals: Option<u64>) -> bool {
        let dropped = self.dropped_arrivals.unwrap_or(0) as f64;
        self.broken_users > 0 || dropped > 0.01 * arrivals.unwrap_or(0) as f64
    }
}

impl LoadReport {
    /// Sums up and judges.
    pub fn new(plan: &Plan, observed: Observed) -> Self {
        let Observed { totals, measured, is_interrupted, arrivals, begun, broken_users, spent } = observed;
        let seconds = measured.as_secs_f64();
        let script = exchanges("(script)");
        let named = || plan.metrics.iter().chain([&script]).zip(&totals.rows);
        let mut sum = Row::new();
        named().filter(|(metric, _)| is_exchange(metric.kind)).for_each(|(_, row)| sum.absorb(row));
        let generator = GeneratorReport {
            lag: times(&totals.lag),
            late_starts: totals.late_starts,
            dropped_arrivals: arrivals.map(|arrivals| arrivals.saturating_sub(begun)),
            broken_users,
        };
        // Whoever waits in vain for an event has met an error, though no time of the system's was measured.
        let counts = |kind| !matches!(kind, MetricKind::Delivery | MetricKind::Setup);
        let steps = named().filter(|(metric, _)| counts(metric.kind)).map(|(_, row)| row);
        let errors = error_percent(steps);
        let judge = |slo: &Slo| judge(slo, &sum, &totals.rows, errors, seconds);
        let slo: Vec<_> = plan.slos.iter().map(judge).collect();
        let shown = |(metric, row): &(&MetricDef, &Row)| metric.name != script.name || row.count > 0;
        let rows = named().filter(shown).map(|(metric, row)| row_report(metric, row, seconds)).collect();
        let all = exchanges("all exchanges");
        let names: Vec<&str> = named().map(|(metric, _)| metric.name.as_str()).collect();
        let failure = |((metric, cause), count): &((usize, String), _)| {
            let super::recorder::FailureCount { count, sample } = count;
            let row = names.get(*metric).copied().unwrap_or_default().to_owned();
            FailureReport { row, cause: cause.clone(), count: *count, sample: sample.clone() }
        };
        Self {
            schema: "scalectl.loadtest/1",
            scenario: plan.file.clone(),
            target: plan.target.origin().ascii_serialization(),
            verdict: verdict(&slo, is_interrupted, generator.fell_short(arrivals)),
            users: plan.load.users(),
            duration_seconds: (seconds * 1e3).round() / 1e3,
            iterations: totals.iterations,
            total: row_report(&all, &sum, seconds),
            rows,
            failures: totals.failures.iter().map(failure).collect(),
            slo,
            generator,
            seed: plan.seed,
            notes: spent
                .map(|name| format!("{name} had no row left: whoever needed one stopped"))
                .into_iter()
                .collect(),
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

fn exchanges(name: &str) -> MetricDef {
    MetricDef { name: name.to_owned(), kind: MetricKind::Exchange, tags: BTreeMap::new() }
}

fn is_exchange(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Exchange | MetricKind::Sent)
}

/// A missed threshold outweighs one that nothing was measured for, and a load that was not what was asked for.
fn verdict(slo: &[SloResult], is_interrupted: bool, fell_short: bool) -> Verdict {
    let any = |outcome| slo.iter().any(|result| result.outcome == outcome);
    match is_interrupted {
        true => Verdict::Interrupted,
        false if any(Outcome::Failed) => Verdict::Failed,
        false if fell_short || any(Outcome::Inconclusive) => Verdict::Inconclusive,
        false => Verdict::Passed,
    }
}

/// Failed steps of `rows`, percent; `None` when there were no steps.
fn error_percent<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<f64> {
    let (errors, count) = rows.fold((0, 0), |(errors, count), row| (errors + row.errors, count + row.count));
    (count > 0).then(|| 100.0 * errors as f64 / count as f64)
}

fn judge(slo: &Slo, all: &Row, rows: &[Row], errors: Option<f64>, seconds: f64) -> SloResult {
    let row = slo.row.and_then(|index| rows.get(index)).unwrap_or(all);
    let times = (!row.response.is_empty()).then_some(&row.response);
    let has_count = row.count > 0;
    let observed = match slo.measure {
        Measure::Percentile(percentile) => times.map(|t| t.value_at_percentile(percentile) as f64),
        Measure::Min => times.map(|t| t.min() as f64),
        Measure::Mean => times.map(Histogram::mean),
        Measure::Max => times.map(|t| t.max() as f64),
        Measure::Errors if slo.row.is_none() => errors,
        Measure::Errors => error_percent(std::iter::once(row)),
        Measure::Rate => has_count.then(|| row.count as f64 / seconds.max(1e-3)),
        Measure::Count => Some(row.count as f64),
    };
    slo.judge(observed)
}

fn row_report(metric: &MetricDef, row: &Row, seconds: f64) -> RowReport {
    RowReport {
        name: metric.name.clone(),
        kind: metric.kind.word(),
        tags: metric.tags.clone(),
        count: row.count,
        errors: row.errors,
        rate: (10.0 * row.count as f64 / seconds.max(1e-3)).round() / 10.0,
        response: times(&row.response),
        service: times(&row.service),
    }
}

fn times(histogram: &Histogram<u64>) -> Option<Times> {
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
