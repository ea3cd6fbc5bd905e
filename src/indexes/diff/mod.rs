//! What lies between a specification and a server: a pure function of the two.
//!
//! The result converges from every state in which an interrupted run can leave a collection: a replacement that
//! was built is found by its name, a bridge by its own, an index that is hidden already is not hidden again. Nothing
//! is remembered but what the server lists.
//!
//! An index is never missing while it is replaced. Where the server lets both stand side by side, the new one is
//! built under a name of its own first. Where it does not, a *bridge* with the same keys and one more serves the
//! queries meanwhile. Where neither is possible (text, wildcard, hashed) the change is blocked unless a gap is
//! allowed.

mod change;
mod inplace;
mod replace;
mod step;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use change::{Action, Blocker, Change, DuplicateGroup, Estimate, Risk};
pub use step::Step;

use super::index::{Index, Options, is_name_of};
use super::live::{LiveCollection, LiveDatabase, LiveIndex, Version};
use super::spec::{CollectionSpec, DatabaseSpec, DeclaredIndex, MAX_INDEXES, Unmanaged};

/// What the server can do, and what the operator allows.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The server's version.
    pub version: Version,
    /// How long an index stays hidden before it is dropped.
    pub soak: Duration,
    /// Whether an index may be missing for the time of a build.
    pub allow_gap: bool,
}

/// What lies between a specification and a server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// What has to change, in the order in which it is done.
    pub changes: Vec<Change>,
    /// What stays and should be known: indexes that nobody declares, forms that are not understood.
    pub notes: Vec<Note>,
}

/// Something that stays and should be known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// The index, where it is about one.
    pub index: Option<String>,
    /// What it is.
    pub text: String,
}

/// Compares what is declared with what is there.
pub fn diff(spec: &DatabaseSpec, live: &LiveDatabase, rules: Rules) -> Difference {
    let mut difference = Difference::default();
    for collection in &spec.collections {
        let is_view = live.views.contains(&collection.name);
        let found = live.collections.get(&collection.name).cloned().unwrap_or_default();
        let effective = collection.indexes.iter().map(|d| d.in_collection(found.collation.as_ref()));
        let collection = CollectionSpec { indexes: effective.collect(), ..collection.clone() };
        let height = found.indexes.len();
        let database = &spec.name;
        Comparison { database, spec: &collection, live: found, height, rules, out: &mut difference }
            .run(is_view);
    }
    difference
}

/// One collection under comparison. What is there changes with each change that is planned: one index may stand in
/// the way of two declared ones.
struct Comparison<'a> {
    database: &'a str,
    spec: &'a CollectionSpec,
    live: LiveCollection,
    /// The most indexes that stand side by side at any time.
    height: usize,
    rules: Rules,
    out: &'a mut Difference,
}

impl Comparison<'_> {
    fn run(mut self, is_view: bool) {
        let first = self.out.changes.len();
        // What is new comes first: a failed build leaves everything else as it was.
        let (new, others): (Vec<_>, Vec<_>) = self.spec.indexes.iter().partition(|d| self.is_new(d));
        new.into_iter().chain(others).for_each(|declared| self.declared(declared));
        // What had to stay until all was built.
        self.spec.indexes.iter().for_each(|declared| self.finish(declared));
        self.absent();
        self.unmanaged();
        self.collection_itself();
        if is_view {
            let what = format!("{} is a view", self.spec.name);
            self.block_from(
                first,
                &Blocker::new(what, "declare the indexes on the collection that it shows"),
            );
        }
        self.limit(first);
    }

    fn is_new(&self, declared: &DeclaredIndex) -> bool {
        let candidates = self.candidates(declared);
        candidates.satisfying.is_none() && candidates.old.is_empty()
    }

    fn candidates(&self, declared: &DeclaredIndex) -> Candidates {
        let (wanted, live) = (&declared.index, &self.live);
        let bridge = live.known().find(|index| replace::is_bridge(&wanted.name, index));
        // Of several that fit, the one that has the declared name.
        let fits = |index: &&Index| fits(declared, index) && !self.spec.absent.contains(&index.name);
        let satisfying = live.index(&wanted.name).filter(fits).or_else(|| live.known().find(fits)).cloned();
        let is_old = |index: &&Index| {
            satisfying.as_ref().is_none_or(|found| found.name != index.name)
                && bridge.is_none_or(|bridge| bridge.name != index.name)
                && (!index.can_stand_beside(wanted)
                    || is_name_of(&wanted.name, &index.name) && !self.is_wanted_elsewhere(declared, index))
        };
        let old = live.known().filter(is_old).cloned().collect();
        Candidates { old, bridge: bridge.cloned(), satisfying }
    }

    /// Whether an index that bears one declared name is what another declaration wants.
    fn is_wanted_elsewhere(&self, declared: &DeclaredIndex, index: &Index) -> bool {
        let mut others = self.spec.indexes.iter().filter(|other| other.index.name != declared.index.name);
        others.any(|other| fits(other, index))
    }

    /// The declared name, or another one while something else bears it that does not go before.
    fn free_name(&self, wanted: &Index, going: &[Index]) -> Index {
        let bearer = self.live.indexes.iter().find(|index| index.name() == wanted.name);
        match bearer.filter(|bearer| going.iter().all(|index| index.name != bearer.name())) {
            Some(_) => wanted.named(wanted.replacement_name()),
            None => wanted.clone(),
        }
    }

    fn declared(&mut self, declared: &DeclaredIndex) {
        let candidates = self.candidates(declared);
        match &candidates.satisfying {
            Some(_) => {}
            None if candidates.old.is_empty() => self.create(declared, &candidates),
            None => self.differing(declared, &candidates),
        }
    }

    /// It is there by now; what it has taken over from goes.
    fn finish(&mut self, declared: &DeclaredIndex) {
        let candidates = self.candidates(declared);
        let Some(index) = &candidates.satisfying else { return };
        for old in &candidates.old {
            let mut change = self.change(declared, Action::Replace);
            change.reason = format!("{} has taken over from {}", index.name, old.name);
            change.steps = self.retire(old);
            change.before = Some(old.clone());
            change.after = Some(index.clone());
            self.push(change, Risk::Medium, &["queries that hint at the old index fail while it is hidden"]);
        }
        if let Some(bridge) = &candidates.bridge {
            let mut change = self.change(declared, Action::Replace);
            change.reason = format!("{} is there: the bridge is no longer needed", index.name);
            change.steps = vec![Step::Drop { index: bridge.clone() }];
            change.after = Some(index.clone());
            self.push(change, Risk::Low, &[]);
        }
        if index.name != declared.index.name && candidates.old.is_empty() && candidates.bridge.is_none() {
            let text = format!("serves as {}; indexes cannot be renamed", declared.index.name);
            self.note(Some(&index.name), text);
        }
    }

    fn create(&mut self, declared: &DeclaredIndex, candidates: &Candidates) {
        let mut change = self.change(declared, Action::Create);
        change.reason = "no index has these keys and options".to_owned();
        let index = self.free_name(&declared.index, &[]);
        change.steps = self.build(&index);
        if let Some(bridge) = &candidates.bridge {
            change.steps.push(Step::Drop { index: bridge.clone() });
        }
        change.after = Some(index);
        self.push(change, Risk::Low, &[]);
    }

    /// What brings an index into being: a unique one is converted where the server can, so that duplicates are
    /// named instead of a build failing at its end.
    fn build(&self, index: &Index) -> Vec<Step> {
        let mut plain = index.clone();
        plain.options.unique = false;
        let fits = self.live.known().all(|other| other.can_stand_beside(&plain));
        let converts = index.options.unique && self.converts_to_unique() && fits;
        plain.options.unique = index.options.unique && !converts;
        let mut steps = vec![Step::Build { index: plain }];
        if converts {
            steps.extend(inplace::make_unique(&index.name, false));
        }
        steps.push(Step::Verify { index: index.clone() });
        steps
    }

    fn converts_to_unique(&self) -> bool {
        self.rules.version >= Version(6, 0)
    }

    /// What makes an index go: hidden first, so that unhiding is the way back.
    fn retire(&self, index: &Index) -> Vec<Step> {
        let name = index.name.clone();
        let hide = (!index.options.hidden).then(|| Step::Hide { name: name.clone() });
        let seconds = self.rules.soak.as_secs();
        let soak = (seconds > 0).then_some(Step::Soak { name, seconds });
        hide.into_iter().chain(soak).chain([Step::Drop { index: index.clone() }]).collect()
    }

    /// The same for all that goes, but for what serves keys that another declaration still waits for.
    fn retire_all<'i>(&self, declared: &DeclaredIndex, going: impl Iterator<Item = &'i Index>) -> Vec<Step> {
        let others = self.spec.indexes.iter().filter(|other| other.index.name != declared.index.name);
        let waiting: Vec<_> = others.filter(|other| self.candidates(other).satisfying.is_none()).collect();
        let is_needed = |index: &Index| {
            index.can_stand_beside(&declared.index)
                && waiting.iter().any(|other| index.keys.starts_with(&other.index.keys))
        };
        going.filter(|index| !is_needed(index)).flat_map(|index| self.retire(index)).collect()
    }

    fn absent(&mut self) {
        let there: Vec<Index> =
            self.spec.absent.iter().filter_map(|name| self.live.index(name)).cloned().collect();
        for index in &there {
            let mut change = self.change_of(&index.name, Action::Drop);
            change.reason = "the specification wants it gone".to_owned();
            change.steps = self.retire(index);
            change.before = Some(index.clone());
            let (risk, risks) = risks_of_retiring(index);
            self.push(change, risk, &risks);
        }
    }

    fn unmanaged(&mut self) {
        for index in self.live.indexes.clone() {
            match &index {
                LiveIndex::Unknown { name, listed } => {
                    self.note(Some(name), format!("in a form that is not understood, left alone: {listed}"));
                }
                LiveIndex::Known(index) if !index.is_id() && !self.is_managed(index) => {
                    self.unmanaged_index(index);
                }
                LiveIndex::Known(_) => {}
            }
        }
    }

    fn unmanaged_index(&mut self, index: &Index) {
        match self.spec.unmanaged {
            Unmanaged::Keep => {}
            Unmanaged::Hide if !index.options.hidden => {
                let mut change = self.change_of(&index.name, Action::Hide);
                change.reason = "nobody declares it, and unmanaged indexes are to be hidden".to_owned();
                change.steps = vec![Step::Hide { name: index.name.clone() }];
                change.before = Some(index.clone());
                let risks = ["queries that it serves change their plan", "queries that hint at it fail"];
                self.push(change, Risk::Medium, &risks);
            }
            Unmanaged::Hide | Unmanaged::Report => {
                let hidden = if index.options.hidden { ", hidden" } else { "" };
                self.note(Some(&index.name), format!("{}{hidden}: nobody declares it", index.shown_keys()));
            }
        }
    }

    fn is_managed(&self, index: &Index) -> bool {
        let claims = |declared: &DeclaredIndex| {
            let candidates = self.candidates(declared);
            let claimed = candidates.satisfying.into_iter().chain(candidates.old).chain(candidates.bridge);
            claimed.into_iter().any(|claimed| claimed.name == index.name)
        };
        self.spec.absent.contains(&index.name) || self.spec.indexes.iter().any(claims)
    }

    fn collection_itself(&mut self) {
        if let Some(wanted) = self.spec.clustered
            && wanted != self.live.is_clustered
            && !self.live.uuid.is_empty()
        {
            let is = if self.live.is_clustered { "is clustered" } else { "is not clustered" };
            self.note(None, format!("{is}; that is decided when a collection is made, and never changes"));
        }
        if self.live.is_time_series && !self.spec.indexes.is_empty() {
            self.note(None, "a time series: the server keeps its own rules for its indexes".to_owned());
        }
    }

    /// The limit holds at every instant, so also while old and new stand side by side.
    fn limit(&mut self, first: usize) {
        let height = self.height;
        if height > MAX_INDEXES && self.out.changes.len() > first {
            let what = format!("{} would have {height} indexes at a time", self.spec.name);
            let help = format!("a collection has at most {MAX_INDEXES}; name some under `absent` first");
            self.block_from(first, &Blocker::new(what, help));
        }
    }

    fn block_from(&mut self, first: usize, blocker: &Blocker) {
        for change in &mut self.out.changes[first..] {
            change.blockers.push(blocker.clone());
        }
    }

    fn change(&self, declared: &DeclaredIndex, action: Action) -> Change {
        self.change_of(&declared.index.name, action)
    }

    fn change_of(&self, index: &str, action: Action) -> Change {
        Change {
            database: self.database.to_owned(),
            collection: self.spec.name.clone(),
            index: index.to_owned(),
            action,
            reason: String::new(),
            risk: Risk::Low,
            risks: Vec::new(),
            blockers: Vec::new(),
            estimate: Estimate::default(),
            steps: Vec::new(),
            before: None,
            after: None,
        }
    }

    fn push(&mut self, mut change: Change, risk: Risk, risks: &[&str]) {
        change.risk = change.risk.max(risk);
        change.risks.extend(risks.iter().map(|risk| (*risk).to_owned()));
        for step in &change.steps {
            self.live.foresee(step);
            self.height = self.height.max(self.live.indexes.len());
        }
        self.out.changes.push(change);
    }

    fn note(&mut self, index: Option<&str>, text: String) {
        self.out.notes.push(Note {
            database: self.database.to_owned(),
            collection: self.spec.name.clone(),
            index: index.map(str::to_owned),
            text,
        });
    }
}

/// The live indexes that have to do with a declared one.
struct Candidates {
    /// The one that is as declared.
    satisfying: Option<Index>,
    /// Those that bear its name, or keep it from being built.
    old: Vec<Index>,
    /// What serves its queries while old and new cannot stand side by side.
    bridge: Option<Index>,
}

impl LiveCollection {
    /// The collection as it will be after a step.
    pub fn foresee(&mut self, step: &Step) {
        match step {
            Step::Build { index } => self.indexes.push(LiveIndex::Known(index.clone())),
            Step::Drop { index } => self.indexes.retain(|other| other.name() != index.name),
            Step::Hide { name } => self.set(name, |options| options.hidden = true),
            Step::Unhide { name } => self.set(name, |options| options.hidden = false),
            Step::Expire { name, to, .. } => {
                self.set(name, |options| options.expire_after_seconds = Some(*to));
            }
            Step::PrepareUnique { name, on } => self.set(name, |options| options.prepare_unique = *on),
            Step::MakeUnique { name } => {
                self.set(name, |options| (options.unique, options.prepare_unique) = (true, false));
            }
            Step::Verify { .. } | Step::Soak { .. } | Step::CheckUnique { .. } => {}
        }
    }

    fn set(&mut self, name: &str, change: impl Fn(&mut Options)) {
        for index in &mut self.indexes {
            if let LiveIndex::Known(index) = index
                && index.name == name
            {
                change(&mut index.options);
            }
        }
    }
}

/// Whether an index is what is declared, under its name or one that will do as well.
fn fits(declared: &DeclaredIndex, index: &Index) -> bool {
    index.is_same_as(&declared.index) && (!declared.is_named || is_name_of(&declared.index.name, &index.name))
}

fn risks_of_retiring(index: &Index) -> (Risk, Vec<&'static str>) {
    let mut risks = vec!["queries that it serves change their plan", "queries that hint at it fail"];
    let ends = index.options.unique || index.options.expire_after_seconds.is_some();
    if index.options.unique {
        risks.push("its keys are no longer unique");
    }
    if index.options.expire_after_seconds.is_some() {
        risks.push("its documents no longer expire");
    }
    (if ends { Risk::High } else { Risk::Medium }, risks)
}
