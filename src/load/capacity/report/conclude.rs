//! The three numbers, and the curve, from the steps of a search.

use super::{Breaking, Comfort, Comfortable, Peak};
use crate::load::capacity::axis::Axis;
use crate::load::capacity::knee::{self, Knee};
use crate::load::capacity::law::Point;
use crate::load::capacity::search::{Search, Step};
use crate::load::capacity::step::Verdict;

/// Comfortable load is at most this part of the peak: room for a busy hour.
const ROOM: f64 = 0.7;

pub(super) fn peak(search: &Search, valid: &[&Step]) -> Option<Peak> {
    let level = search.best()?;
    let passed: Vec<&&Step> = valid
        .iter()
        .filter(|step| step.ask.level == level && step.judged.verdict == Verdict::Passed)
        .collect();
    let mut goodput: Vec<f64> = passed.iter().map(|step| step.outcome.goodput).collect();
    goodput.sort_by(f64::total_cmp);
    Some(Peak {
        level,
        goodput: *goodput.get(goodput.len() / 2)?,
        first_failing: search.first_failing(),
        confirmed: search.confirmed(),
        response: passed.last()?.outcome.response,
    })
}

pub(super) fn comfortable(axis: Axis, peak: &Peak, knee: Knee, instances: Option<u32>) -> Comfortable {
    let knee = match knee {
        Knee::At { level } => Some(level),
        _ => None,
    };
    let part_of_peak = axis.round(ROOM * peak.level);
    let others = |n: u32| axis.round(peak.level * f64::from(n - 1) / f64::from(n));
    let one_instance_less = instances.filter(|n| *n > 1).map(others);
    let candidates = [
        (Comfort::PartOfPeak, Some(part_of_peak)),
        (Comfort::Knee, knee),
        (Comfort::OneInstanceLess, one_instance_less),
    ];
    let (mut decided_by, mut level) = (Comfort::PartOfPeak, part_of_peak);
    for (comfort, candidate) in candidates {
        if let Some(lower) = candidate.filter(|candidate| *candidate < level) {
            (decided_by, level) = (comfort, lower);
        }
    }
    Comfortable { level, decided_by, knee, part_of_peak, one_instance_less }
}

/// A level that failed to break when it was tried again did not break.
pub(super) fn breaking(valid: &[&Step]) -> Option<Breaking> {
    let holds =
        |level: f64| valid.iter().any(|step| step.ask.level == level && step.outcome.breaks().is_none());
    let broken = valid.iter().filter(|step| step.outcome.breaks().is_some() && !holds(step.ask.level));
    let lowest = broken.min_by(|a, b| a.ask.level.total_cmp(&b.ask.level))?;
    let level = lowest.ask.level;
    let below = valid.iter().map(|step| step.ask.level).filter(|below| *below < level && holds(*below));
    Some(Breaking { level, holds_up_to: below.reduce(f64::max), reason: lowest.outcome.breaks()? })
}

pub(super) fn knee_of(valid: &[&Step]) -> Knee {
    let point = |step: &&Step| Some((step.ask.level, step.outcome.response?.p95 as f64));
    knee::find(&valid.iter().filter_map(point).collect::<Vec<_>>())
}

/// Goodput over users under way. By Little's law these are what the system works on at once, in both models.
pub(super) fn curve(valid: &[&Step]) -> Vec<Point> {
    let point = |step: &&Step| Point { size: step.outcome.concurrency, throughput: step.outcome.goodput };
    valid.iter().map(point).filter(|point| point.size >= 1.0 && point.throughput > 0.0).collect()
}
