//! What a search found, with its evidence. Every output is made from this one value.

mod conclude;

use schemars::JsonSchema;
use serde::Serialize;

use super::axis::Axis;
use super::bottleneck::{self, Bottleneck};
use super::drive::Timing;
use super::knee::Knee;
use super::scaling::{LawReport, Scaling};
use super::search::{Finding, Purpose, Search, Step, Terms};
use super::step::{Generator, Percentiles, Recovery, Verdict};
use crate::exit::Exit;
use crate::load::metrics::{Absent, Reading};

/// Different numbers of users under way that a law over them needs.
const LAW_POINTS: usize = 6;

/// The whole report.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The scenario file.
    pub scenario: String,
    /// What was turned up.
    pub axis: Axis,
    /// The unit of levels.
    pub unit: &'static str,
    /// The unit of goodput.
    pub goodput_unit: &'static str,
    /// How it was searched.
    pub settings: Settings,
    /// Whether it was ended early by Ctrl-C or SIGTERM.
    pub is_interrupted: bool,
    /// One search, or one for each number of instances.
    pub searches: Vec<SearchReport>,
    /// What more instances bring, where several numbers of them were searched.
    pub scaling: Option<Scaling>,
    /// The level that was required, and whether it is held.
    pub requirement: Option<Requirement>,
}

/// How it was searched.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The first level of the climb.
    pub start: f64,
    /// The highest level that was allowed.
    pub max: f64,
    /// Seconds of each step that were measured.
    pub step_seconds: f64,
    /// Seconds before them that were not.
    pub warm_up_seconds: f64,
    /// How far apart the best level and the first that fails may be, as a part of the best.
    pub tolerance: f64,
    /// How often the best level had to pass again.
    pub confirm: u32,
    /// Decides the order of the confirmation.
    pub seed: u64,
}

/// A level that was required.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Requirement {
    /// The level.
    pub level: f64,
    /// Whether it is held; `null` when that could not be found out.
    pub met: Option<bool>,
}

/// One search.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchReport {
    /// The system under test.
    pub target: String,
    /// The number of its instances, where it is known.
    pub instances: Option<u32>,
    /// How far it has come.
    pub finding: Finding,
    /// Load that leaves room; `null` while there is no peak.
    pub comfortable: Option<Comfortable>,
    /// The most that is held; `null` when nothing passed.
    pub peak: Option<Peak>,
    /// Where the system breaks; `null` when it was not seen to.
    pub breaking: Option<Breaking>,
    /// After the overshoot of a quarter above the peak; `null` when there was none.
    pub recovery: Option<Recovery>,
    /// The knee of p95 over load.
    pub knee: Knee,
    /// The scalability law over users under way.
    pub law: LawReport,
    /// What was full first.
    pub bottleneck: Bottleneck,
    /// Sources that were not there.
    pub absent: Vec<Absent>,
    /// Every step, in the order in which they were run: the curve.
    pub steps: Vec<StepReport>,
}

/// Load that leaves room: the lowest of what knee, busy hours and the loss of an instance allow.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comfortable {
    /// The level.
    pub level: f64,
    /// Which of the three decides.
    pub decided_by: Comfort,
    /// The knee, where the curve has one.
    pub knee: Option<f64>,
    /// 70 % of the peak.
    pub part_of_peak: f64,
    /// What one instance less still holds; `null` when the number of instances is not known or 1.
    pub one_instance_less: Option<f64>,
}

/// What decides on comfortable load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Comfort {
    /// Response times rise from there.
    Knee,
    /// Busy hours need room.
    PartOfPeak,
    /// An instance may be lost.
    OneInstanceLess,
}

/// The most that is held.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// The level.
    pub level: f64,
    /// What came of it: the median of its steps.
    pub goodput: f64,
    /// The lowest level that failed; `null` when the search found none.
    pub first_failing: Option<f64>,
    /// How often it passed again; `null` when that was not tried.
    pub confirmed: Option<u32>,
    /// Response times of its last step.
    pub response: Option<Percentiles>,
}

/// Where the system breaks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breaking {
    /// The lowest level at which it did.
    pub level: f64,
    /// The highest level below at which it did not.
    pub holds_up_to: Option<f64>,
    /// What broke.
    pub reason: String,
}

/// One step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Its number, from 1.
    pub number: usize,
    /// Why it was run.
    pub purpose: Purpose,
    /// Whether the same was tried just before.
    pub is_repeat: bool,
    /// What was asked for.
    pub level: f64,
    /// What of it took place.
    pub achieved: f64,
    /// What came of it.
    pub goodput: f64,
    /// Users under way, on average.
    pub concurrency: f64,
    /// Exchanges that were measured.
    pub exchanges: u64,
    /// From the moment an exchange was due.
    pub response: Option<Percentiles>,
    /// From the moment it was begun.
    pub service: Option<Percentiles>,
    /// Failed exchanges.
    pub error_percent: f64,
    /// Connections lost a minute.
    pub disconnect_percent: f64,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reasons: Vec<String>,
    /// Whether the system was breaking.
    pub is_breaking: bool,
    /// The most frequent failures.
    pub failures: Vec<String>,
    /// After an overload.
    pub recovery: Option<Recovery>,
    /// How the generator did.
    pub generator: Generator,
    /// What the systems said of themselves.
    pub server: Vec<Reading>,
}

impl Settings {
    /// Those of a search.
    pub fn new(terms: &Terms, timing: &Timing) -> Self {
        Self {
            start: terms.start,
            max: terms.max,
            step_seconds: timing.window.as_secs_f64(),
            warm_up_seconds: timing.warm_up.as_secs_f64(),
            tolerance: terms.tolerance,
            confirm: terms.confirm,
            seed: terms.seed,
        }
    }
}

impl CapacityReport {
    /// The exit code: a requirement decides where there is one; an answer that the generator limits is none.
    pub fn exit(&self) -> Exit {
        if self.is_interrupted {
            return Exit::Interrupted;
        }
        let any = |finding| self.searches.iter().any(|search| search.finding == finding);
        match self.requirement.map(|requirement| requirement.met) {
            Some(Some(true)) => Exit::Done,
            Some(Some(false)) => Exit::Failed,
            _ if any(Finding::FailsAtBaseline) => Exit::Failed,
            Some(None) => Exit::Inconclusive,
            None if any(Finding::AboveGenerator) || any(Finding::Unsteady) => Exit::Inconclusive,
            None => Exit::Done,
        }
    }
}

impl Requirement {
    /// Whether `search` holds `level`: what was confirmed is held, what failed above is not, the rest is unknown.
    pub fn judge(level: f64, search: &SearchReport) -> Self {
        let is_sure =
            matches!(search.finding, Finding::Found | Finding::AboveMaximum | Finding::AboveGenerator);
        let peak = search.peak.as_ref();
        let met = match search.finding {
            Finding::FailsAtBaseline => Some(false),
            _ if is_sure && peak.is_some_and(|peak| peak.level >= level && peak.confirmed != Some(0)) => {
                Some(true)
            }
            Finding::Found => Some(false),
            _ => None,
        };
        Self { level, met }
    }
}

impl SearchReport {
    /// Sums a search up.
    pub fn new(target: String, instances: Option<u32>, search: &Search, absent: Vec<Absent>) -> Self {
        let steps = search.steps();
        let valid: Vec<&Step> = steps.iter().filter(|step| step.judged.verdict != Verdict::Invalid).collect();
        let peak = conclude::peak(search, &valid);
        let knee = conclude::knee_of(&valid);
        let overshoot = steps.iter().find(|step| step.ask.is_overload());
        Self {
            target,
            instances,
            finding: search.finding(),
            comfortable: peak
                .as_ref()
                .map(|peak| conclude::comfortable(search.terms().axis, peak, knee, instances)),
            breaking: conclude::breaking(&valid),
            recovery: overshoot.and_then(|step| step.outcome.recovery),
            knee,
            law: LawReport::of(&conclude::curve(&valid), LAW_POINTS),
            bottleneck: bottleneck::find(steps, search.best().unwrap_or(0.0)),
            absent,
            steps: steps.iter().enumerate().map(|(index, step)| StepReport::new(index + 1, step)).collect(),
            peak,
        }
    }
}

impl StepReport {
    fn new(number: usize, step: &Step) -> Self {
        let Step { ask, outcome, judged, is_saturated: _ } = step;
        Self {
            number,
            purpose: ask.purpose,
            is_repeat: ask.is_repeat,
            level: ask.level,
            achieved: rounded(outcome.achieved),
            goodput: rounded(outcome.goodput),
            concurrency: rounded(outcome.concurrency),
            exchanges: outcome.exchanges,
            response: outcome.response,
            service: outcome.service,
            error_percent: rounded(outcome.error_percent),
            disconnect_percent: rounded(outcome.disconnect_percent),
            verdict: judged.verdict,
            reasons: judged.reasons.clone(),
            is_breaking: judged.verdict != Verdict::Invalid && outcome.breaks().is_some(),
            failures: outcome.failures.clone(),
            recovery: outcome.recovery,
            generator: outcome.generator.clone(),
            server: outcome.server.clone(),
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
