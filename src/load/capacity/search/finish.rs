//! What follows once the bounds are close: the best level is confirmed, then the system is overloaded.

use rand::seq::SliceRandom;

use super::{Ask, Ceiling, Finding, Purpose, SHORT_STRIDE, Search, Stage};
use crate::load::capacity::step::Verdict;

/// The first overload, and how overload grows from there.
const OVERSHOOT: f64 = 1.25;
const OVERLOADS: u32 = 5;
/// How often a best level that is not confirmed gives way to a lower one.
const RETREATS: u32 = 4;
/// How often a level that was thought too high, and passes after all, opens the search again.
const REOPENINGS: u32 = 3;

impl Search {
    /// The best as often as is wanted, and once the level that failed, so that neither is favoured by its place.
    pub(super) fn begin_confirm(&mut self, retreats: u32) {
        let Some(best) = self.best else { return self.end(Finding::Unsteady) };
        let mut left = vec![best; self.terms.confirm as usize];
        left.extend(self.first_failing().filter(|_| retreats == 0 && self.terms.confirm > 0));
        left.shuffle(&mut self.random);
        self.stage = Stage::Confirm { passed: 0, failed: 0, retreats, left: left.into() };
        self.confirm_on();
    }

    fn confirm_on(&mut self) {
        let Stage::Confirm { passed, failed, retreats, left } = &mut self.stage else { return };
        let (passed, failed, retreats) = (*passed, *failed, *retreats);
        if failed > 0 {
            return self.retreat(retreats);
        }
        match left.pop_front() {
            Some(level) => self.ask(Purpose::Confirm, level),
            None => {
                self.confirmed = Some(passed);
                self.begin_overload();
            }
        }
    }

    pub(super) fn after_confirm(&mut self, ask: &Ask, verdict: Verdict) {
        let is_best = self.best == Some(ask.level);
        if !is_best && verdict == Verdict::Passed && self.may_reopen() {
            return self.reopen(ask.level);
        }
        if let Stage::Confirm { passed, failed, .. } = &mut self.stage {
            match verdict {
                Verdict::Passed if is_best => *passed += 1,
                Verdict::Failed if is_best => *failed += 1,
                // The failing level beside it is evidence, and decides nothing.
                _ => {}
            }
        }
        if is_best && verdict == Verdict::Invalid {
            // The generator can no longer do what it did before: the answer cannot be confirmed.
            self.confirmed = Some(0);
            return self.end(Finding::AboveGenerator);
        }
        self.confirm_on();
    }

    /// A best level that failed when tried again gives way to the next lower one.
    fn retreat(&mut self, retreats: u32) {
        let Some(failed) = self.best else { return };
        self.confirmed = Some(0);
        let lower = self.terms.axis.round(failed * (1.0 - self.terms.tolerance)).min(self.below(failed));
        if retreats >= RETREATS || lower < self.terms.baseline {
            return self.end(Finding::Unsteady);
        }
        self.ceiling = Some(Ceiling { level: failed, is_systems: true });
        self.best = Some(lower);
        self.begin_confirm(retreats + 1);
    }

    /// The next lower level that can be run.
    fn below(&self, level: f64) -> f64 {
        if self.terms.axis.is_open() { level } else { level - 1.0 }
    }

    fn begin_overload(&mut self) {
        self.finding = match self.ceiling {
            Some(Ceiling { is_systems: true, .. }) => Finding::Found,
            Some(_) => return self.end(Finding::AboveGenerator),
            None => return self.end(Finding::AboveMaximum),
        };
        self.stage = Stage::Overload { tried: 0 };
        let best = self.best.unwrap_or(self.terms.baseline);
        self.overload(best * OVERSHOOT);
    }

    fn overload(&mut self, level: f64) {
        // Overload may go beyond the highest level that is searched by no more than the overshoot.
        let most = self.terms.max * OVERSHOOT;
        self.ask(Purpose::Overload, self.terms.axis.round(level.min(most)));
    }

    pub(super) fn after_overload(&mut self, ask: &Ask, verdict: Verdict) {
        if verdict == Verdict::Passed && self.may_reopen() {
            return self.reopen(ask.level);
        }
        let Stage::Overload { tried } = &mut self.stage else { return };
        *tried += 1;
        let is_last = *tried >= OVERLOADS || ask.level >= self.terms.max * OVERSHOOT;
        let breaks = self.steps.last().is_some_and(|step| step.outcome.breaks().is_some());
        if is_last || breaks || verdict == Verdict::Invalid {
            return self.end(self.finding);
        }
        self.overload(ask.level * SHORT_STRIDE);
    }

    /// A saturated system passes at every level above: there, that says nothing.
    fn may_reopen(&self) -> bool {
        !self.is_saturated && self.reopened < REOPENINGS
    }

    /// What was thought too high is held: something else had spoilt the step that failed.
    fn reopen(&mut self, level: f64) {
        self.reopened += 1;
        self.best = Some(level);
        self.confirmed = None;
        let failed = self.steps.iter().filter(|step| step.judged.verdict == Verdict::Failed);
        let above = failed.map(|step| step.ask.level).filter(|failed| *failed > level);
        self.ceiling = above.reduce(f64::min).map(|level| Ceiling { level, is_systems: true });
        self.stage = Stage::Climb;
        self.search_on();
    }
}
