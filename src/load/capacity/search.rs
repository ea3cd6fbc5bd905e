//! The search for the limit, as a machine that is told what came of each step and says which one is next.
//!
//! A baseline; steps that grow until one fails; halving between the best and the worst until they are close; the
//! best again, several times, among others in random order; overload until the system breaks. A failure that may be
//! the noise of one moment, and any invalid step, is tried once more before it counts. Nothing here waits or sends.

mod finish;
mod saturation;

use std::collections::VecDeque;

use rand::SeedableRng;
use rand::rngs::StdRng;
use schemars::JsonSchema;
use serde::Serialize;

use super::axis::Axis;
use super::step::{GeneratorLimits, Judged, StepOutcome, Verdict};

/// How steps grow while nothing shows, and once response times have begun to rise.
const STRIDE: f64 = 2.0;
const SHORT_STRIDE: f64 = 1.5;
/// The rise of p95 over the baseline's that shortens the stride.
const RISEN: f64 = 2.0;
/// What is searched for, and how closely.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// What is turned up.
    pub axis: Axis,
    /// The first level of the climb.
    pub start: f64,
    /// The highest level that is tried.
    pub max: f64,
    /// The baseline.
    pub baseline: f64,
    /// The best level and the first that fails may be this far apart, as a part of the best.
    pub tolerance: f64,
    /// How often the best level has to pass again.
    pub confirm: u32,
    /// What the generator is allowed.
    pub limits: GeneratorLimits,
    /// Decides the order of the confirmation.
    pub seed: u64,
}

/// Why a step is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// What the system does when it has almost nothing to do.
    Baseline,
    /// Higher than before.
    Climb,
    /// Between the best that passed and the worst that did not.
    Bisect,
    /// The best again, or the failing one beside it.
    Confirm,
    /// More than it holds.
    Overload,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// Why.
    pub purpose: Purpose,
    /// In the unit of the axis.
    pub level: f64,
    /// Whether the same was tried just before.
    pub is_repeat: bool,
}

impl Ask {
    /// Whether more is asked for than the system holds.
    pub fn is_overload(&self) -> bool {
        self.purpose == Purpose::Overload
    }
}

/// A step that was run.
#[derive(Debug, Clone)]
pub struct Step {
    /// What was asked for.
    pub ask: Ask,
    /// What it measured.
    pub outcome: StepOutcome,
    /// What that means.
    pub judged: Judged,
    /// Whether it failed only because more brought no more.
    pub is_saturated: bool,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// The limit lies between a level that was confirmed and one that fails.
    Found,
    /// The highest level that was allowed is held: the limit lies above it.
    AboveMaximum,
    /// Already the baseline fails.
    FailsAtBaseline,
    /// The limit lies above what the generator can drive honestly.
    AboveGenerator,
    /// The best levels did not pass again.
    Unsteady,
    /// The search was ended before it knew.
    Unfinished,
}

/// A level above which the search need not look, and whether the system or the generator set it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ceiling {
    level: f64,
    is_systems: bool,
}

#[derive(Debug)]
enum Stage {
    Climb,
    Confirm { passed: u32, failed: u32, retreats: u32, left: VecDeque<f64> },
    Overload { tried: u32 },
    Done(Finding),
}

/// The search.
#[derive(Debug)]
pub struct Search {
    terms: Terms,
    stage: Stage,
    next: Option<Ask>,
    steps: Vec<Step>,
    best: Option<f64>,
    ceiling: Option<Ceiling>,
    confirmed: Option<u32>,
    /// Whether more users were seen to bring no more.
    is_saturated: bool,
    /// How often a level that was thought too high has passed after all.
    reopened: u32,
    /// The finding that is reported once overload has been tried.
    finding: Finding,
    random: StdRng,
}

impl Search {
    /// A search before its first step.
    pub fn new(terms: Terms) -> Self {
        let next = Ask { purpose: Purpose::Baseline, level: terms.baseline, is_repeat: false };
        Self {
            random: StdRng::seed_from_u64(terms.seed),
            terms,
            stage: Stage::Climb,
            next: Some(next),
            steps: Vec::new(),
            best: None,
            ceiling: None,
            confirmed: None,
            is_saturated: false,
            reopened: 0,
            finding: Finding::Unfinished,
        }
    }

    /// The step that is due; none when all is known.
    pub fn next(&self) -> Option<Ask> {
        self.next
    }

    /// What was run so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What it is searching on.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How far it has come.
    pub fn finding(&self) -> Finding {
        match self.stage {
            Stage::Done(finding) => finding,
            Stage::Overload { .. } => self.finding,
            _ => Finding::Unfinished,
        }
    }

    /// The highest level that is held, as far as is known.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// The lowest level above the best that fails.
    pub fn first_failing(&self) -> Option<f64> {
        self.ceiling.filter(|ceiling| ceiling.is_systems).map(|ceiling| ceiling.level)
    }

    /// How often the best level passed again; none before it was tried.
    pub fn confirmed(&self) -> Option<u32> {
        self.confirmed
    }

    /// Takes what came of the step that was due, judges it, and decides on the next one.
    pub fn take(&mut self, outcome: StepOutcome) {
        let Some(ask) = self.next.take() else { return };
        let mut judged = outcome.judge(&self.terms.limits);
        let is_search = matches!(ask.purpose, Purpose::Climb | Purpose::Bisect);
        let saturated = (is_search && judged.verdict == Verdict::Passed)
            .then(|| self.saturation(&ask, &outcome))
            .flatten();
        let is_doubtful = match judged.verdict {
            Verdict::Passed => false,
            Verdict::Failed => outcome.is_narrow() && self.decides(&ask),
            Verdict::Invalid => true,
        };
        let is_saturated = saturated.is_some();
        if let Some(reason) = saturated {
            judged = Judged { verdict: Verdict::Failed, reasons: vec![reason] };
        }
        let verdict = judged.verdict;
        self.steps.push(Step { ask, outcome, judged, is_saturated });
        if is_doubtful && !ask.is_repeat {
            self.next = Some(Ask { is_repeat: true, ..ask });
            return;
        }
        match ask.purpose {
            Purpose::Baseline => self.after_baseline(verdict),
            Purpose::Climb | Purpose::Bisect => self.after_search(&ask, verdict),
            Purpose::Confirm => self.after_confirm(&ask, verdict),
            Purpose::Overload => self.after_overload(&ask, verdict),
        }
    }

    /// Whether the search hangs on this step: it does not on overload, nor on the failing level that is tried beside the
    /// best.
    fn decides(&self, ask: &Ask) -> bool {
        match ask.purpose {
            Purpose::Baseline | Purpose::Climb | Purpose::Bisect => true,
            Purpose::Confirm => self.best == Some(ask.level),
            Purpose::Overload => false,
        }
    }

    fn after_baseline(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Passed => {
                self.best = Some(self.terms.baseline);
                let first = self.terms.start.clamp(self.terms.baseline, self.terms.max);
                if first > self.terms.baseline {
                    self.ask(Purpose::Climb, first);
                } else {
                    self.search_on();
                }
            }
            Verdict::Failed => self.end(Finding::FailsAtBaseline),
            Verdict::Invalid => self.end(Finding::AboveGenerator),
        }
    }

    fn after_search(&mut self, ask: &Ask, verdict: Verdict) {
        match verdict {
            Verdict::Passed => {
                self.best = Some(self.best.map_or(ask.level, |best| best.max(ask.level)));
            }
            Verdict::Failed => self.bound(ask.level, true),
            Verdict::Invalid => self.bound(ask.level, false),
        }
        self.search_on();
    }

    fn bound(&mut self, level: f64, is_systems: bool) {
        if self.ceiling.is_none_or(|ceiling| level < ceiling.level) {
            self.ceiling = Some(Ceiling { level, is_systems });
        }
    }

    /// The next level of the climb, or of the halving, or the end of both.
    fn search_on(&mut self) {
        let best = self.best.unwrap_or(self.terms.baseline);
        let axis = self.terms.axis;
        match self.ceiling {
            None if best >= self.terms.max => self.begin_confirm(0),
            None => self.ask(Purpose::Climb, axis.round(best * self.stride()).min(self.terms.max)),
            Some(ceiling) => {
                let middle = axis.round((best * ceiling.level).sqrt());
                let is_close = ceiling.level <= best * (1.0 + self.terms.tolerance);
                if is_close || middle <= best || middle >= ceiling.level {
                    self.settle(ceiling.level);
                    self.begin_confirm(0);
                } else {
                    self.ask(Purpose::Bisect, middle);
                }
            }
        }
    }

    /// Long steps while nothing shows, shorter ones once response times rise.
    fn stride(&self) -> f64 {
        let p95 = |step: &Step| step.outcome.response.map(|times| times.p95 as f64);
        let (first, last) = (self.steps.first().and_then(p95), self.steps.last().and_then(p95));
        match first.zip(last) {
            Some((first, last)) if last > RISEN * first => SHORT_STRIDE,
            _ => STRIDE,
        }
    }

    fn ask(&mut self, purpose: Purpose, level: f64) {
        self.next = Some(Ask { purpose, level, is_repeat: false });
    }

    fn end(&mut self, finding: Finding) {
        self.stage = Stage::Done(finding);
        self.next = None;
    }
}

#[cfg(test)]
mod tests;
