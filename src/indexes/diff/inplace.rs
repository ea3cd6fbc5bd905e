//! Options that a server changes without building anything: hidden, TTL, uniqueness.

use super::{Action, Candidates, Comparison, Risk, Step};
use crate::indexes::index::{Index, Options, is_name_of};
use crate::indexes::live::Version;
use crate::indexes::spec::DeclaredIndex;

/// Steps, and what they may do to the service.
type InPlace = (Vec<Step>, Risk, Vec<&'static str>);

impl Comparison<'_> {
    /// Indexes of this name, or in the way of it, are different: one of them may be changed, else all are replaced.
    pub(super) fn differing(&mut self, declared: &DeclaredIndex, candidates: &Candidates) {
        let wanted = &declared.index;
        let Some((base, (mut steps, risk, risks))) = self.changeable(declared, candidates) else {
            return self.replace(declared, candidates);
        };
        let after = wanted.named(&base.name);
        steps.push(Step::Verify { index: after.clone() });
        let others: Vec<&Index> = candidates.old.iter().filter(|old| old.name != base.name).collect();
        steps.extend(self.retire_all(declared, others.iter().copied()));
        steps.extend(candidates.bridge.as_ref().map(|bridge| Step::Drop { index: bridge.clone() }));
        let action = if others.is_empty() { Action::Modify } else { Action::Replace };
        let mut change = self.change(declared, action);
        change.reason = difference(base, wanted);
        change.steps = steps;
        change.before = Some(base.clone());
        change.after = Some(after);
        self.push(change, risk, &risks);
    }

    /// The index that can be changed in place, with the steps; first of all a replacement that was begun.
    fn changeable<'c>(
        &self,
        declared: &DeclaredIndex,
        candidates: &'c Candidates,
    ) -> Option<(&'c Index, InPlace)> {
        let wanted = &declared.index;
        let begun = wanted.replacement_name();
        let mut able = candidates.old.iter().filter(|old| {
            let others = candidates.old.iter().filter(|other| other.name != old.name);
            (is_name_of(&wanted.name, &old.name) || !declared.is_named)
                && !self.spec.absent.contains(&old.name)
                && others.into_iter().all(|other| other.can_stand_beside(wanted))
        });
        let first = able.clone().find(|old| old.name == begun).into_iter();
        first.chain(&mut able).find_map(|old| Some((old, self.in_place(old, wanted)?)))
    }

    /// The steps that make one index of the other, when the server can without building.
    fn in_place(&self, old: &Index, wanted: &Index) -> Option<InPlace> {
        let (from, to) = (&old.options, &wanted.options);
        let mut reached = old.clone();
        let (mut steps, mut risk, mut risks) = (Vec::new(), Risk::Low, Vec::new());
        let name = || old.name.clone();
        if from.prepare_unique && !to.unique {
            steps.push(Step::PrepareUnique { name: name(), on: false });
            reached.options.prepare_unique = false;
        }
        if to.unique && !from.unique && self.converts_to_unique() {
            steps.extend(make_unique(&old.name, from.prepare_unique));
            reached.options = Options { unique: true, prepare_unique: false, ..reached.options };
            risk = Risk::High;
            risks.push("writes with a key that is already there are refused from the first step on");
        }
        if let Some(to) = to.expire_after_seconds.filter(|to| from.expire_after_seconds != Some(*to))
            && (from.expire_after_seconds.is_some() || self.rules.version >= Version(5, 1))
        {
            let from = from.expire_after_seconds;
            steps.push(Step::Expire { name: name(), from, to, expired: None });
            reached.options.expire_after_seconds = Some(to);
            if from.is_none_or(|from| to < from) {
                risk = Risk::High;
                risks.push("documents that are older already are deleted at the server's next pass");
            }
        }
        if from.hidden != to.hidden {
            steps.push(if to.hidden { Step::Hide { name: name() } } else { Step::Unhide { name: name() } });
            reached.options.hidden = to.hidden;
            risk = risk.max(Risk::Medium);
            risks.push("queries may change their plan");
        }
        reached.is_same_as(wanted).then_some((steps, risk, risks))
    }
}

/// An index becomes unique in three steps: no new duplicates, no old ones, then for good.
pub fn make_unique(name: &str, is_prepared: bool) -> Vec<Step> {
    let name = name.to_owned();
    let prepare = (!is_prepared).then(|| Step::PrepareUnique { name: name.clone(), on: true });
    let check = Step::CheckUnique { name: name.clone() };
    prepare.into_iter().chain([check, Step::MakeUnique { name }]).collect()
}

/// What is different, as `expireAfterSeconds: 60 instead of 30`.
pub fn difference(old: &Index, wanted: &Index) -> String {
    if old.keys != wanted.keys {
        return format!("keys {} instead of {}", wanted.shown_keys(), old.shown_keys());
    }
    let (from, to) = (old.clone().normalized(), wanted.clone().normalized());
    let (from, to) = (from.options.to_document(), to.options.to_document());
    let mut words = Vec::new();
    for (name, value) in &to {
        match from.get(name) {
            Some(before) if before == value => {}
            Some(before) => words.push(format!("{name}: {value} instead of {before}")),
            None => words.push(format!("{name}: {value}, not set before")),
        }
    }
    words.extend(from.keys().filter(|name| !to.contains_key(name)).map(|name| format!("no {name}")));
    if words.is_empty() { format!("named {}, not {}", wanted.name, old.name) } else { words.join("; ") }
}
