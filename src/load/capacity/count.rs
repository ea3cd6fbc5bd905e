//! What the report of a run says in the terms of an axis.

use super::CapacityError;
use super::axis::Axis;
use super::step::Percentiles;
use crate::config::duration::humanize;
use crate::load::LoadReport;
use crate::load::Plan;
use crate::load::generator::is_own_cause;
use crate::load::report::{RowReport, Times};
use crate::load::scenario::plan::{MetricId, Step};
use crate::load::slo::{Outcome, SloResult};

/// Causes, and beginnings of causes, of a connection that was lost.
const LOSSES: [&str; 2] = ["connection lost", "disconnected by server"];
/// A system with more errors than this, in percent, has not recovered.
const WELL_ERRORS: f64 = 5.0;
const SHOWN_FAILURES: usize = 3;

/// Refuses a scenario that does not do what the axis counts.
pub fn ensure_countable(axis: Axis, plan: &Plan) -> Result<(), CapacityError> {
    let what = match axis {
        Axis::Users | Axis::ArrivalRate => return Ok(()),
        Axis::Sockets | Axis::Connects => "connections of Socket.IO or plain websockets",
        Axis::Messages => "messages sent on connections",
    };
    if counted(axis, plan).is_empty() {
        let file = plan.file.clone();
        return Err(CapacityError::NothingToCount { axis: axis.word(), what, file });
    }
    Ok(())
}

/// The rows that an axis counts: connections that are opened and namespaces that are joined, or messages sent.
fn counted(axis: Axis, plan: &Plan) -> Vec<MetricId> {
    let mut metrics = Vec::new();
    for scenario in &plan.scenarios {
        gather(axis == Axis::Messages, &scenario.steps, &mut metrics);
    }
    metrics
}

fn gather(messages: bool, steps: &[Step], metrics: &mut Vec<MetricId>) {
    for step in steps {
        match step {
            Step::Connect(join) if !messages => metrics.push(join.metric),
            Step::Emit(emit) => metrics.push(if messages { emit.metric } else { emit.join.metric }),
            Step::Receive(receive) if !messages => metrics.push(receive.join.metric),
            Step::Fanout(fanout) if !messages => metrics.push(fanout.join.metric),
            Step::Fanout(fanout) => metrics.extend(fanout.publish.as_ref().map(|publish| publish.metric)),
            Step::Ws(ws) if !messages => metrics.push(ws.opening.metric),
            Step::Ws(ws) => metrics.extend(ws.send.as_ref().map(|(metric, _)| *metric)),
            other => other.below().into_iter().for_each(|steps| gather(messages, steps, metrics)),
        }
    }
}

/// How often a run did what the axis counts.
pub fn units(axis: Axis, plan: &Plan, report: &LoadReport) -> u64 {
    let mut metrics = counted(axis, plan);
    metrics.sort_unstable();
    metrics.dedup();
    let names: Vec<&str> =
        metrics.iter().filter_map(|id| plan.metrics.get(*id)).map(|m| m.name.as_str()).collect();
    report.rows.iter().filter(|row| names.contains(&row.name.as_str())).map(|row| row.count).sum()
}

/// The part of the exchanges that the axis counts.
pub fn share(axis: Axis, plan: &Plan, report: &LoadReport) -> f64 {
    units(axis, plan, report) as f64 / (report.total.count as f64).max(1.0)
}

/// The part of the exchanges and waits that failed.
pub fn error_part(report: &LoadReport) -> f64 {
    let steps = report.rows.iter().filter(|row| row.kind != "delivery");
    let sum = |pick: fn(&RowReport) -> u64| steps.clone().map(pick).sum::<u64>() as f64;
    (sum(|row| row.errors) / sum(|row| row.count).max(1.0)).min(1.0)
}

/// Connections that were lost.
pub fn disconnects(report: &LoadReport) -> u64 {
    let is_loss = |cause: &str| LOSSES.iter().any(|loss| cause.starts_with(loss));
    report.failures.iter().filter(|failure| is_loss(&failure.cause)).map(|failure| failure.count).sum()
}

/// Connections that were lost a minute, in percent of those that were open.
pub fn disconnect_percent(report: &LoadReport, open: f64, seconds: f64) -> f64 {
    let minutes = seconds / 60.0;
    if open > 0.0 && minutes > 0.0 { 100.0 * disconnects(report) as f64 / open / minutes } else { 0.0 }
}

/// The thresholds that were missed. A rate or a count is no property of the system here: the search sets it.
pub fn missed(report: &LoadReport) -> Vec<String> {
    let is_meant = |result: &&SloResult| matches!(result.unit, "µs" | "%");
    let missed = report.slo.iter().filter(|result| result.outcome == Outcome::Failed).filter(is_meant);
    missed.map(|result| format!("{} (measured {})", result.slo, observed(result))).collect()
}

fn observed(result: &SloResult) -> String {
    match (result.observed, result.unit) {
        (Some(micros), "µs") => humanize(std::time::Duration::from_micros(micros as u64)),
        (Some(value), unit) => format!("{value:.2}{unit}"),
        (None, _) => "nothing".to_owned(),
    }
}

/// What the generator could not do.
pub fn faults(report: &LoadReport) -> Vec<String> {
    let own = report.failures.iter().filter(|failure| is_own_cause(&failure.cause));
    let mut faults: Vec<String> =
        own.map(|failure| format!("{} ({} times)", failure.cause, failure.count)).collect();
    let broken = report.generator.broken_users;
    if broken > 0 {
        faults.push(format!("{broken} virtual users ended by a mistake of scalectl; please report it"));
    }
    faults
}

/// The most frequent failures, in words.
pub fn failures(report: &LoadReport) -> Vec<String> {
    let shown = report.failures.iter().take(SHOWN_FAILURES);
    shown.map(|failure| format!("{}: {} ({} times)", failure.row, failure.cause, failure.count)).collect()
}

/// Whether a short look shows a system that works.
pub fn is_well(report: &LoadReport) -> bool {
    report.total.count > 0 && missed(report).is_empty() && 100.0 * error_part(report) <= WELL_ERRORS
}

/// The percentiles that a step shows.
pub fn percentiles(times: Times) -> Percentiles {
    let Times { p50, p95, p99, max, .. } = times;
    Percentiles { p50, p95, p99, max }
}
