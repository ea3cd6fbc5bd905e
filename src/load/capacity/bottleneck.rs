//! Which resource was full first, as load rose.

use schemars::JsonSchema;
use serde::Serialize;

use super::search::Step;
use super::step::Verdict;
use crate::load::metrics::{FULL, Reading};

/// Steps below this part of the best level say nothing of the limit.
const RELEVANT: f64 = 0.5;

/// What held the system back.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Bottleneck {
    /// These were full, the first at the lowest level.
    Saturated {
        /// In the order in which they were full; those that were so at the baseline already come last.
        resources: Vec<Full>,
    },
    /// Nothing that was measured was full; this was nearest to it.
    NoneFull {
        /// The nearest, where anything with a limit was measured.
        nearest: Option<Full>,
    },
}

/// A resource at the level at which it was full, or nearest to it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Full {
    /// `target`, `mongodb`, `redis` or `host`.
    pub source: &'static str,
    /// What it is.
    pub name: &'static str,
    /// At this level.
    pub level: f64,
    /// It was so much.
    pub value: f64,
    /// At the baseline it was so much; `null` when it was not measured there.
    pub baseline: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
    /// How near its limit it was, 1 being at it.
    pub saturation: f64,
    /// Whether it was full at the baseline already: by somebody else's doing.
    pub was_full_before: bool,
}

/// Finds it in `steps`, of which `best` is the highest level that is held.
pub fn find(steps: &[Step], best: f64) -> Bottleneck {
    let mut relevant: Vec<&Step> = steps
        .iter()
        .filter(|step| step.judged.verdict != Verdict::Invalid && step.ask.level >= RELEVANT * best)
        .collect();
    relevant.sort_by(|a, b| a.ask.level.total_cmp(&b.ask.level));
    let baseline = steps.first().map_or(&[][..], |step| &step.outcome.server);
    let seen: Vec<Full> = relevant
        .iter()
        .flat_map(|step| {
            step.outcome.server.iter().filter_map(|reading| full(step.ask.level, reading, baseline))
        })
        .collect();
    let mut resources: Vec<Full> = Vec::new();
    for resource in seen.iter().filter(|resource| resource.saturation >= FULL) {
        if !resources.iter().any(|known| is_same(known, resource)) {
            resources.push(resource.clone());
        }
    }
    resources.sort_by_key(|resource| resource.was_full_before);
    if resources.is_empty() {
        let nearest = seen.into_iter().max_by(|a, b| a.saturation.total_cmp(&b.saturation));
        return Bottleneck::NoneFull { nearest };
    }
    Bottleneck::Saturated { resources }
}

fn full(level: f64, reading: &Reading, baseline: &[Reading]) -> Option<Full> {
    let Reading { source, name, value, unit, saturation } = reading;
    let before = baseline.iter().find(|before| before.source == *source && before.name == *name);
    let was_full_before = before.and_then(|before| before.saturation).is_some_and(|before| before >= FULL);
    let (saturation, baseline) = ((*saturation)?, before.map(|before| before.value));
    Some(Full { source, name, level, value: *value, baseline, unit, saturation, was_full_before })
}

fn is_same(a: &Full, b: &Full) -> bool {
    a.source == b.source && a.name == b.name
}

#[cfg(test)]
mod tests {
    use super::{Bottleneck, Reading, Step, find};
    use crate::load::capacity::search::{Ask, Purpose};
    use crate::load::capacity::step::{Judged, StepOutcome, Verdict};

    fn step(level: f64, verdict: Verdict, readings: &[(&'static str, f64)]) -> Step {
        let reading = |(name, saturation): &(&'static str, f64)| Reading {
            source: "target",
            name,
            value: 10.0 * saturation,
            unit: "cores",
            saturation: Some(*saturation),
        };
        Step {
            ask: Ask { purpose: Purpose::Climb, level, is_repeat: false },
            outcome: StepOutcome { server: readings.iter().map(reading).collect(), ..StepOutcome::default() },
            judged: Judged { verdict, reasons: Vec::new() },
            is_saturated: false,
        }
    }

    #[test]
    fn the_first_to_be_full_is_named_first_and_invalid_steps_say_nothing() {
        let steps = [
            step(1.0, Verdict::Passed, &[("CPU", 0.01), ("pool", 0.1), ("disk", 1.0)]),
            step(90.0, Verdict::Invalid, &[("CPU", 1.0), ("pool", 1.0)]),
            step(200.0, Verdict::Failed, &[("CPU", 0.99), ("pool", 0.97)]),
            step(100.0, Verdict::Passed, &[("CPU", 0.7), ("pool", 0.92), ("disk", 1.0)]),
        ];
        let Bottleneck::Saturated { resources } = find(&steps, 100.0) else { panic!("none full") };
        let found: Vec<_> = resources.iter().map(|full| (full.name, full.level, full.baseline)).collect();
        assert_eq!(
            found,
            [("pool", 100.0, Some(1.0)), ("CPU", 200.0, Some(0.1)), ("disk", 100.0, Some(10.0))]
        );
        assert!(resources[2].was_full_before && !resources[0].was_full_before);
    }

    #[test]
    fn nothing_full_is_said_with_what_was_nearest() {
        let steps = [step(100.0, Verdict::Failed, &[("CPU", 0.4), ("pool", 0.6)])];
        let Bottleneck::NoneFull { nearest } = find(&steps, 100.0) else { panic!("full") };
        assert_eq!(nearest.unwrap().name, "pool");
        assert_eq!(find(&[], 100.0), Bottleneck::NoneFull { nearest: None });
    }
}
