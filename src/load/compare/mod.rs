//! A run held against earlier ones: it is worse only where a change is both significant and material.
//!
//! [`stored`] reads reports, [`paired`] and [`share`] test one measure each, [`finding`] judges what they found. The
//! formulas and their sources are in `docs/load-reports.md`.

mod difference;
mod finding;
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

use self::finding::{Finding, Scale};
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
