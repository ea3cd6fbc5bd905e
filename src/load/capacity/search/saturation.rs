//! Saturation: a closed system misses no threshold, its users wait. What it holds is the lowest level that brings as
//! much as any.

use super::{Ask, Ceiling, Purpose, Search, Step};
use crate::load::capacity::step::{Judged, StepOutcome, Verdict};

/// A system is saturated when a level at least this much higher brings less than this part of the gain that more users
/// promise.
const STRIDE: f64 = 1.25;
const LEAST_GAIN: f64 = 0.2;
/// Goodput from this part of the most on is as much as there is.
const FULL: f64 = 0.97;

impl Search {
    /// Whether more users bring no more. Once that was seen, every level that brings as much as the most is one too
    /// many: also those that passed before.
    pub(super) fn saturation(&mut self, ask: &Ask, outcome: &StepOutcome) -> Option<String> {
        if !self.terms.axis.can_saturate() {
            return None;
        }
        let most = self.most_goodput().max(outcome.goodput);
        if self.is_saturated {
            return (outcome.goodput >= FULL * most).then(full_reason);
        }
        let lower = self.highest_passed(|step| step.ask.level * STRIDE <= ask.level)?;
        let (more, gained) = (ask.level / lower.ask.level, outcome.goodput / lower.outcome.goodput);
        if lower.outcome.goodput <= 0.0 || gained - 1.0 >= LEAST_GAIN * (more - 1.0) {
            return None;
        }
        self.is_saturated = true;
        self.judge_anew(FULL * most);
        Some(format!("saturated: {more:.2} times the users brought {gained:.2} times the goodput"))
    }

    fn most_goodput(&self) -> f64 {
        let valid = self.steps.iter().filter(|step| step.judged.verdict != Verdict::Invalid);
        valid.map(|step| step.outcome.goodput).fold(0.0, f64::max)
    }

    fn highest_passed(&self, is_meant: impl Fn(&Step) -> bool) -> Option<&Step> {
        let passed =
            self.steps.iter().filter(|step| step.judged.verdict == Verdict::Passed && is_meant(step));
        passed.max_by(|a, b| a.ask.level.total_cmp(&b.ask.level))
    }

    /// Levels of the climb that brought `full` or more bound the search from above.
    fn judge_anew(&mut self, full: f64) {
        let is_full = |step: &&mut Step| {
            step.ask.purpose != Purpose::Baseline
                && step.judged.verdict == Verdict::Passed
                && step.outcome.goodput >= full
        };
        for step in self.steps.iter_mut().filter(is_full) {
            step.judged = Judged { verdict: Verdict::Failed, reasons: vec![full_reason()] };
            step.is_saturated = true;
            let level = step.ask.level.min(self.ceiling.map_or(f64::INFINITY, |ceiling| ceiling.level));
            self.ceiling = Some(Ceiling { level, is_systems: true });
        }
        self.best = self.highest_passed(|_| true).map(|step| step.ask.level);
    }

    /// At the end of the halving: the lowest level that brings as much as any misses no threshold, so it is the best;
    /// what bounds it is the next one above.
    pub(super) fn settle(&mut self, lowest: f64) {
        let at_lowest = |step: &&mut Step| step.ask.level == lowest && step.is_saturated;
        let Some(step) = self.steps.iter_mut().find(at_lowest) else { return };
        step.judged = Judged { verdict: Verdict::Passed, reasons: Vec::new() };
        step.is_saturated = false;
        self.best = Some(lowest);
        let failed = self.steps.iter().filter(|step| step.judged.verdict == Verdict::Failed);
        let above = failed.map(|step| step.ask.level).filter(|level| *level > lowest);
        let next = above.reduce(f64::min);
        self.ceiling = next.map(|level| Ceiling { level, is_systems: true }).or(self.ceiling);
    }
}

fn full_reason() -> String {
    format!("saturated: within {:.0} % of the highest goodput", 100.0 * (1.0 - FULL))
}
