//! A run held against earlier ones: it is worse only where a change is both significant and material.
//!
//! [`stored`] reads reports, [`paired`] and [`share`] test one measure each, [`student`] has the distribution. The
//! formulas and their sources are in `docs/load-reports.md`.

pub mod paired;
pub mod share;
pub mod stored;
pub mod student;

#[cfg(test)]
mod simulation;

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use self::stored::{Stored, StoredRow};
use crate::exit::Exit;

/// How often a comparison of equal systems may find something significant anywhere.
const FALSE_ALARMS: f64 = 0.05;
/// Percentiles that are compared.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// What is material.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Growth of a response time, or fall of a rate, as a share.
    pub max_slowdown: f64,
    /// Growth of the share of errors.
    pub max_more_errors: f64,
    /// A response time that grew by no more than this is nobody's concern.
    pub ignore_below: Duration,
}

/// The whole comparison.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompareReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// What it comes to.
    pub verdict: Change,
    /// The runs that it is held against, as their files are named.
    pub baselines: Vec<String>,
    /// The run.
    pub current: String,
    /// All exchanges together, then row by row.
    pub rows: Vec<RowComparison>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// One row.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RowComparison {
    /// Its name.
    pub name: String,
    /// What its measures come to.
    pub verdict: Change,
    /// `p50`, `p95`, `p99`, `errors`, `rate`.
    pub measures: Vec<MeasureComparison>,
}

/// One measure of one row.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasureComparison {
    /// Its name.
    pub measure: &'static str,
    /// The unit of `before` and `after`: `µs`, `%` or `/s`.
    pub unit: &'static str,
    /// The baselines.
    pub before: Option<f64>,
    /// The run.
    pub after: Option<f64>,
    /// By how much it changed: percent, of `errors` percentage points.
    pub change: Option<f64>,
    /// The change that the stretches show lies in here.
    pub interval: Option<(f64, f64)>,
    /// How likely so large a difference is between equal systems.
    pub p_value: Option<f64>,
    /// What that means.
    pub verdict: Change,
    /// Why nothing can be said.
    pub why: Option<String>,
}

/// What became of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Change {
    /// Significantly and materially better.
    #[serde(rename = "better")]
    Better,
    /// No material change.
    #[serde(rename = "same")]
    Same,
    /// Significantly and materially worse.
    #[serde(rename = "worse")]
    Worse,
    /// There may be a material change or none.
    #[serde(rename = "cannot tell")]
    Unknown,
}

/// A difference with how far it can be trusted, in units in which nought is no change.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// The difference.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// Degrees of freedom of the variance.
    pub freedom: f64,
}

/// A measure with its difference, before it is known how many of them there are.
struct Finding {
    measure: &'static str,
    unit: &'static str,
    before: Option<f64>,
    after: Option<f64>,
    /// How it is judged.
    scale: Scale,
    difference: Result<Difference, String>,
}

#[derive(Clone, Copy)]
enum Scale {
    /// Logarithms; more is worse.
    Time,
    /// Logarithms; less is worse.
    Rate,
    /// Shares; more is worse.
    Share,
}

impl CompareReport {
    /// Compares. `baselines` are never empty.
    pub fn new(baselines: &[Stored], current: &Stored, limits: &Limits) -> Self {
        let mut notes = Vec::new();
        let usable = usable(baselines, current, &mut notes);
        let rows =
            if usable.is_empty() { Vec::new() } else { compare_rows(&usable, current, limits, &mut notes) };
        if usable.len() == 1 {
            notes.push(
                "one baseline: how much runs of the same system differ is not known; five or more tell"
                    .to_owned(),
            );
        }
        Self {
            schema: "scalectl.loadtest.compare/1",
            verdict: sum_up(rows.iter().map(|row| row.verdict)),
            baselines: baselines.iter().map(|run| run.file.clone()).collect(),
            current: current.file.clone(),
            rows,
            notes,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self.verdict {
            Change::Worse => Exit::Failed,
            Change::Unknown => Exit::Inconclusive,
            Change::Better | Change::Same => Exit::Done,
        }
    }
}

/// The baselines that made the same load honestly; none where the run itself did not.
fn usable<'s>(baselines: &'s [Stored], current: &Stored, notes: &mut Vec<String>) -> Vec<&'s Stored> {
    if let Some(doubt) = current.doubt() {
        notes.push(format!("{} is not a valid run: {doubt}", current.file));
        return Vec::new();
    }
    let mut usable = Vec::new();
    for baseline in baselines {
        match baseline.doubt().or_else(|| baseline.other_load(current)) {
            Some(doubt) => notes.push(format!("{} is left out: {doubt}", baseline.file)),
            None => usable.push(baseline),
        }
    }
    usable
}

fn compare_rows(
    baselines: &[&Stored],
    current: &Stored,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Vec<RowComparison> {
    let mut pairs = vec![(baselines.iter().map(|run| &run.total).collect(), &current.total)];
    for row in &current.rows {
        let before: Vec<&StoredRow> = baselines.iter().filter_map(|run| run.row(&row.name)).collect();
        match before.len() == baselines.len() {
            true => pairs.push((before, row)),
            false => notes.push(format!("{} is not in every baseline", row.name)),
        }
    }
    let names: BTreeSet<&str> = current.rows.iter().map(|row| row.name.as_str()).collect();
    let gone = baselines[0].rows.iter().filter(|row| !names.contains(row.name.as_str()));
    notes.extend(gone.map(|row| format!("{} is not in {}", row.name, current.file)));
    let found: Vec<(&str, Vec<Finding>)> = pairs
        .iter()
        .map(|(before, after)| (after.name.as_str(), findings(before, after, current.stretch_seconds)))
        .collect();
    let tests = found.iter().flat_map(|(_, all)| all).filter(|finding| finding.difference.is_ok()).count();
    // Many tests find something by chance; each gets its part of the false alarms (Bonferroni).
    let level = FALSE_ALARMS / tests.max(1) as f64;
    found.into_iter().map(|(name, findings)| judge_row(name, findings, level, limits)).collect()
}

fn findings(before: &[&StoredRow], after: &StoredRow, seconds: u32) -> Vec<Finding> {
    let times = QUANTILES.map(|(measure, quantile)| Finding {
        measure,
        unit: "µs",
        before: paired::geometric_mean(before.iter().map(|row| row.quantile(quantile))),
        after: after.quantile(quantile),
        scale: Scale::Time,
        difference: paired::times(before, after, quantile),
    });
    let per_second =
        |row: &&StoredRow| row.stretched() as f64 / (row.stretches.len().max(1) as f64 * f64::from(seconds));
    let rate = Finding {
        measure: "rate",
        unit: "/s",
        before: paired::geometric_mean(before.iter().map(|row| Some(per_second(row)))),
        after: Some(per_second(&after)),
        scale: Scale::Rate,
        difference: paired::rates(before, after),
    };
    let errors = Finding {
        measure: "errors",
        unit: "%",
        before: share::pooled(before).map(|share| 100.0 * share),
        after: share::pooled(&[after]).map(|share| 100.0 * share),
        scale: Scale::Share,
        difference: share::errors(before, after),
    };
    times.into_iter().chain([errors, rate]).collect()
}

fn judge_row(name: &str, findings: Vec<Finding>, level: f64, limits: &Limits) -> RowComparison {
    let measures: Vec<_> = findings.into_iter().map(|finding| finding.judge(level, limits)).collect();
    let all = sum_up(measures.iter().map(|measure| measure.verdict));
    // That there are no more errors says nothing of how long it took.
    let of_times = measures.iter().filter(|measure| measure.measure != "errors");
    let verdict = match sum_up(of_times.map(|measure| measure.verdict)) {
        Change::Unknown if all != Change::Worse => Change::Unknown,
        _ => all,
    };
    RowComparison { name: name.to_owned(), verdict, measures }
}

/// One that is worse decides; what cannot be told only where nothing can.
fn sum_up(changes: impl Iterator<Item = Change>) -> Change {
    let changes: Vec<Change> = changes.collect();
    let wanted = [Change::Worse, Change::Better, Change::Same];
    wanted.into_iter().find(|change| changes.contains(change)).unwrap_or(Change::Unknown)
}

impl Finding {
    fn judge(self, level: f64, limits: &Limits) -> MeasureComparison {
        let change = self.before.zip(self.after).and_then(|(before, after)| self.scale.change(before, after));
        let judged = MeasureComparison {
            measure: self.measure,
            unit: self.unit,
            before: self.before,
            after: self.after,
            change: change.map(|change| 100.0 * change),
            interval: None,
            p_value: None,
            verdict: Change::Unknown,
            why: None,
        };
        let (difference, change) = match (self.difference, change) {
            (Ok(difference), Some(change)) => (difference, change),
            (Err(why), _) => return MeasureComparison { why: Some(why), ..judged },
            (Ok(_), None) => {
                return MeasureComparison { why: Some("nothing was measured".to_owned()), ..judged };
            }
        };
        let p_value = difference.p_value();
        let (low, high) = difference.interval(level);
        let (low, high) = (self.scale.share(low), self.scale.share(high));
        let limit = self.scale.limit(limits);
        let grew = self.after.unwrap_or_default() - self.before.unwrap_or_default();
        let is_trifle =
            matches!(self.scale, Scale::Time) && grew.abs() <= limits.ignore_below.as_micros() as f64;
        let is_material = change.abs() > limit && !is_trifle;
        let is_significant = p_value < level && difference.mean.signum() == change.signum();
        let verdict = match () {
            () if is_significant && is_material && self.scale.is_worse(change) => Change::Worse,
            () if is_significant && is_material => Change::Better,
            () if is_significant || is_trifle || (low > -limit && high < limit) => Change::Same,
            () => Change::Unknown,
        };
        let why = (verdict == Change::Unknown).then(|| "the stretches differ too much".to_owned());
        let interval = Some((100.0 * low, 100.0 * high));
        MeasureComparison { interval, p_value: Some(p_value), verdict, why, ..judged }
    }
}

impl Scale {
    /// From one value to the other, as a share.
    fn change(self, before: f64, after: f64) -> Option<f64> {
        match self {
            Self::Share => Some(after - before).map(|points| points / 100.0),
            Self::Time | Self::Rate => (before > 0.0).then(|| after / before - 1.0),
        }
    }

    /// A difference as a share.
    fn share(self, difference: f64) -> f64 {
        match self {
            Self::Share => difference,
            Self::Time | Self::Rate => difference.exp_m1(),
        }
    }

    fn limit(self, limits: &Limits) -> f64 {
        match self {
            Self::Share => limits.max_more_errors,
            Self::Time | Self::Rate => limits.max_slowdown,
        }
    }

    fn is_worse(self, change: f64) -> bool {
        match self {
            Self::Rate => change < 0.0,
            Self::Time | Self::Share => change > 0.0,
        }
    }
}

impl Difference {
    fn p_value(&self) -> f64 {
        if self.variance <= 0.0 {
            return if self.mean == 0.0 { 1.0 } else { 0.0 };
        }
        student::two_sided(self.mean / self.variance.sqrt(), self.freedom)
    }

    fn interval(&self, level: f64) -> (f64, f64) {
        let reach = student::critical(level, self.freedom) * self.variance.max(0.0).sqrt();
        (self.mean - reach, self.mean + reach)
    }

    /// The same when runs of one system differ: `runs` are those of the baselines, each as one value.
    ///
    /// What they differ by beyond the noise within a run is the noise between runs; the new run has its own, and the
    /// mean of the baselines has a part of it. Freedom after Welch and Satterthwaite.
    fn between(self, runs: &[f64]) -> Self {
        let count = runs.len() as f64;
        if runs.len() < 2 {
            return self;
        }
        let factor = 1.0 + 1.0 / count;
        let within = self.variance / factor;
        let more = (variance(runs) - within).max(0.0) * factor;
        let sum = self.variance + more;
        let parts = self.variance.powi(2) / self.freedom + more.powi(2) / (count - 1.0);
        let freedom = if parts > 0.0 { sum.powi(2) / parts } else { self.freedom };
        Self { variance: sum, freedom, ..self }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / values.len().saturating_sub(1).max(1) as f64
}
