//! One index takes over from others, without an instant at which neither is there.

use super::inplace::difference;
use super::{Action, Blocker, Candidates, Change, Comparison, Risk, Step};
use crate::indexes::index::{Index, Key, Kind, Options};
use crate::indexes::spec::DeclaredIndex;

/// The field that makes the keys of a bridge different; no document has it.
const BRIDGE_FIELD: &str = "scalectlBridge";

/// The name of the bridge for an index of this name.
fn bridge_name(name: &str) -> String {
    format!("{name}_bridge")
}

/// Whether this is the bridge for an index of this name.
pub fn is_bridge(name: &str, index: &Index) -> bool {
    index.name == bridge_name(name) && index.keys.last().is_some_and(|key| key.field == BRIDGE_FIELD)
}

impl Comparison<'_> {
    pub(super) fn replace(&mut self, declared: &DeclaredIndex, candidates: &Candidates) {
        let wanted = &declared.index;
        let mut change = self.change(declared, Action::Replace);
        change.reason = candidates.old.first().map_or_else(String::new, |old| difference(old, wanted));
        change.before = candidates.old.first().cloned();
        let risks = ["queries that hint at the old index fail while it is hidden"];
        if candidates.old.iter().all(|old| old.can_stand_beside(wanted)) {
            self.side_by_side(&mut change, declared, candidates);
        } else if let Some(bridge) = bridge(wanted) {
            self.by_bridge(&mut change, declared, candidates, bridge);
        } else {
            self.with_gap(&mut change, wanted, candidates);
        }
        self.push(change, Risk::Medium, &risks);
    }

    /// The new one first, under a name of its own when an old one has the declared name.
    fn side_by_side(&self, change: &mut Change, declared: &DeclaredIndex, candidates: &Candidates) {
        let new = self.free_name(&declared.index, &[]);
        change.steps = self.build(&new);
        change.steps.extend(self.retire_all(declared, candidates.old.iter()));
        change.steps.extend(candidates.bridge.as_ref().map(|bridge| Step::Drop { index: bridge.clone() }));
        change.after = Some(new);
    }

    /// The server takes old and new for the same index: a bridge serves the queries between them.
    fn by_bridge(
        &self,
        change: &mut Change,
        declared: &DeclaredIndex,
        candidates: &Candidates,
        bridge: Index,
    ) {
        let wanted = &declared.index;
        if candidates.bridge.is_none() {
            if self.live.index(&bridge.name).is_some() {
                let what = format!("the name {} is needed for a while, and taken", bridge.name);
                change.blockers.push(Blocker::new(what, "name that index under `absent` first"));
            }
            change.steps.push(Step::Build { index: bridge.clone() });
        }
        change.steps.push(Step::Verify { index: bridge.clone() });
        change.steps.extend(self.retire_all(declared, candidates.old.iter()));
        let is_gone = |index: &&Index| change.steps.iter().any(|step| is_drop_of(step, index));
        let gone: Vec<Index> = candidates.old.iter().filter(is_gone).cloned().collect();
        let new = self.free_name(wanted, &gone);
        change.steps.extend(self.build(&new));
        change.steps.push(Step::Drop { index: bridge });
        change.after = Some(new);
        if wanted.options.unique
            && candidates.old.iter().any(|old| old.options.unique)
            && !self.rules.allow_gap
        {
            let what = format!("nothing keeps the keys of {} unique while it is built anew", wanted.name);
            let help = "stop the writers first, then allow the gap";
            change.blockers.push(Blocker::unless("--allow-gap", what, help));
        }
        if candidates.old.iter().any(|old| old.options.expire_after_seconds.is_some()) {
            change.risks.push("documents do not expire while it is built anew".to_owned());
        }
    }

    /// Nothing can stand in for it.
    fn with_gap(&self, change: &mut Change, wanted: &Index, candidates: &Candidates) {
        change.steps = candidates.old.iter().map(|old| Step::Drop { index: old.clone() }).collect();
        let new = self.free_name(wanted, &candidates.old);
        change.steps.extend(self.build(&new));
        change.after = Some(new);
        change.risk = Risk::High;
        change.risks.push("its queries scan the collection, or fail, until the new one is built".to_owned());
        if !self.rules.allow_gap {
            let what = format!(
                "{} and the old one cannot stand side by side, and nothing can stand in",
                wanted.name
            );
            let help = "choose a quiet time, then allow the gap";
            change.blockers.push(Blocker::unless("--allow-gap", what, help));
        }
    }
}

fn is_drop_of(step: &Step, index: &Index) -> bool {
    matches!(step, Step::Drop { index: dropped } if dropped.name == index.name)
}

/// The same keys and one more, with the options that decide which documents and which order; neither unique nor
/// expiring. None for kinds that take no further key, or of which a collection has only one.
fn bridge(wanted: &Index) -> Option<Index> {
    let extends = |key: &Key| (key.kind.is_ordered() || key.kind == Kind::Sphere) && !key.is_wildcard();
    if !wanted.keys.iter().all(extends) || wanted.keys.len() >= 32 {
        return None;
    }
    let Options { sparse, partial_filter_expression, collation, sphere_index_version, .. } =
        wanted.options.clone();
    // A compound sparse index holds each document that has one of its fields: more than enough for a while.
    let options =
        Options { sparse, partial_filter_expression, collation, sphere_index_version, ..Options::default() };
    let mut keys = wanted.keys.clone();
    keys.push(Key::new(BRIDGE_FIELD, Kind::Ascending));
    Some(Index { name: bridge_name(&wanted.name), keys, options })
}
