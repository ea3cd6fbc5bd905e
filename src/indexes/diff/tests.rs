//! The difference is held against a server in miniature that knows MongoDB's rules for indexes side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use bson::doc;
use proptest::prelude::*;

use super::{Difference, Rules, Step, diff};
use crate::config::Place;
use crate::indexes::index::{Index, Key, Kind, Options};
use crate::indexes::live::{LiveCollection, LiveDatabase, LiveIndex, Version};
use crate::indexes::spec::{CollectionSpec, DatabaseSpec, DeclaredIndex, Unmanaged};

const RULES: Rules = Rules { version: Version(8, 0), soak: Duration::from_secs(60), allow_gap: true };

fn index(name: &str, fields: &[(&str, Kind)], options: Options) -> Index {
    let keys = fields.iter().map(|(field, kind)| Key::new(*field, *kind)).collect();
    Index { name: name.to_owned(), keys, options }
}

fn ascending(name: &str, field: &str, options: Options) -> Index {
    index(name, &[(field, Kind::Ascending)], options)
}

fn spec(indexes: Vec<(Index, bool)>, absent: &[&str], unmanaged: Unmanaged) -> DatabaseSpec {
    let place = Place { line: 1, column: 1 };
    let indexes = indexes.into_iter().map(|(index, is_named)| DeclaredIndex { index, is_named, place });
    let collection = CollectionSpec {
        name: "c".to_owned(),
        unmanaged,
        clustered: None,
        indexes: indexes.collect(),
        absent: absent.iter().map(|name| (*name).to_owned()).collect(),
        queries: Vec::new(),
    };
    DatabaseSpec { name: "d".to_owned(), collections: vec![collection] }
}

fn live(indexes: &[Index]) -> LiveDatabase {
    let id = index("_id_", &[("_id", Kind::Ascending)], Options::default());
    let all = std::iter::once(&id).chain(indexes).cloned().map(LiveIndex::Known).collect();
    let collection = LiveCollection { uuid: "u".to_owned(), indexes: all, ..LiveCollection::default() };
    let collections = BTreeMap::from([("c".to_owned(), collection)]);
    LiveDatabase { name: "d".to_owned(), collections, views: Vec::new() }
}

/// What the server makes of a step; what it would refuse fails the test.
fn perform(indexes: &mut Vec<Index>, step: &Step) {
    let at = |indexes: &[Index], name: &str| {
        indexes
            .iter()
            .position(|index| index.name == name)
            .unwrap_or_else(|| panic!("no {name} for {step:?}"))
    };
    match step {
        Step::Build { index } => {
            let refused =
                indexes.iter().find(|other| other.name == index.name || !other.can_stand_beside(index));
            assert_eq!(refused, None, "the server refuses {index:?}");
            indexes.push(index.clone());
        }
        Step::Verify { index } => {
            let found = &indexes[at(indexes, &index.name)];
            assert!(found.is_same_as(index), "{found:?} is not {index:?}");
        }
        Step::Drop { index } => {
            let place = at(indexes, &index.name);
            indexes.remove(place);
        }
        Step::Soak { name, .. } => assert!(indexes[at(indexes, name)].options.hidden, "{name} is not hidden"),
        Step::Hide { name } | Step::Unhide { name } => {
            let place = at(indexes, name);
            indexes[place].options.hidden = matches!(step, Step::Hide { .. });
        }
        Step::Expire { name, to, .. } => {
            let place = at(indexes, name);
            indexes[place].options.expire_after_seconds = Some(*to);
        }
        Step::PrepareUnique { name, on } => {
            let place = at(indexes, name);
            indexes[place].options.prepare_unique = *on;
        }
        Step::CheckUnique { name } => assert!(indexes[at(indexes, name)].options.prepare_unique),
        Step::MakeUnique { name } => {
            let place = at(indexes, name);
            assert!(indexes[place].options.prepare_unique);
            let options = &mut indexes[place].options;
            (options.unique, options.prepare_unique) = (true, false);
        }
    }
}

fn steps(difference: &Difference) -> Vec<Step> {
    difference.changes.iter().flat_map(|change| change.steps.clone()).collect()
}

fn told(difference: &Difference) -> String {
    let change = |change: &super::Change| {
        let steps: Vec<String> = change.steps.iter().map(ToString::to_string).collect();
        format!("{} {}: {}\n  {}", change.action.word(), change.index, change.reason, steps.join("\n  "))
    };
    difference.changes.iter().map(change).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_as_declared_stays() {
    let wanted = ascending("a_1", "a", Options::default());
    let spec = spec(vec![(wanted.clone(), false)], &["gone"], Unmanaged::Report);
    assert_eq!(diff(&spec, &live(&[wanted.named("other")]), RULES).changes, []);
    let note = &diff(&spec, &live(&[wanted.named("other")]), RULES).notes[0];
    assert_eq!(note.text, "serves as a_1; indexes cannot be renamed");
}

#[test]
fn an_option_of_the_identity_changes_side_by_side() {
    let sparse = Options { sparse: true, ..Options::default() };
    let spec = spec(vec![(ascending("a_1", "a", sparse), false)], &[], Unmanaged::Report);
    let difference = diff(&spec, &live(&[ascending("a_1", "a", Options::default())]), RULES);
    snapbox::assert_data_eq!(
        told(&difference),
        snapbox::str![[r#"
replace a_1: sparse: true, not set before
  build a_1_r[..] {a: 1}
  verify a_1_r[..] on every member
  hide a_1
  leave a_1 hidden for 1m00s
  drop a_1
"#]]
    );
}

#[test]
fn where_old_and_new_exclude_each_other_a_bridge_serves_between_them() {
    let old = ascending("a_1", "a", Options { expire_after_seconds: Some(60), ..Options::default() });
    let spec = spec(vec![(ascending("a_1", "a", Options::default()), false)], &[], Unmanaged::Report);
    let difference = diff(&spec, &live(&[old]), RULES);
    snapbox::assert_data_eq!(
        told(&difference),
        snapbox::str![[r#"
replace a_1: no expireAfterSeconds
  build a_1_bridge {a: 1, scalectlBridge: 1}
  verify a_1_bridge on every member
  hide a_1
  leave a_1 hidden for 1m00s
  drop a_1
  build a_1 {a: 1}
  verify a_1 on every member
  drop a_1_bridge
"#]]
    );
}

#[test]
fn unique_ttl_and_hidden_change_in_place() {
    let wanted = Options { unique: true, hidden: true, expire_after_seconds: Some(60), ..Options::default() };
    let spec = spec(vec![(ascending("a_1", "a", wanted), false)], &[], Unmanaged::Report);
    let difference = diff(&spec, &live(&[ascending("a_1", "a", Options::default())]), RULES);
    snapbox::assert_data_eq!(
        told(&difference),
        snapbox::str![[r#"
modify a_1: unique: true, not set before; hidden: true, not set before; expireAfterSeconds: 60, not set before
  refuse new duplicates in a_1
  check a_1 for duplicates
  make a_1 unique
  let documents expire by a_1 after 60 s
  hide a_1
  verify a_1 on every member
"#]]
    );
}

#[test]
fn what_has_no_stand_in_needs_leave_for_a_gap() {
    let text = |language: &str| Options { default_language: Some(language.to_owned()), ..Options::default() };
    let old = index("t", &[("a", Kind::Text)], text("french"));
    let spec = spec(vec![(index("t", &[("a", Kind::Text)], text("german")), true)], &[], Unmanaged::Report);
    let strict = diff(&spec, &live(std::slice::from_ref(&old)), Rules { allow_gap: false, ..RULES });
    assert_eq!(strict.changes[0].blockers[0].flag.as_deref(), Some("--allow-gap"));
    let allowed = diff(&spec, &live(&[old]), RULES);
    assert_eq!(allowed.changes[0].blockers, []);
}

#[test]
fn builds_come_before_drops_and_the_limit_counts_both() {
    let many: Vec<Index> =
        (0..63).map(|n| ascending(&format!("f{n}_1"), &format!("f{n}"), Options::default())).collect();
    let names: Vec<&str> = many.iter().map(|index| index.name.as_str()).collect();
    let spec = spec(vec![(ascending("a_1", "a", Options::default()), false)], &names, Unmanaged::Report);
    let difference = diff(&spec, &live(&many), RULES);
    assert!(matches!(difference.changes[0].steps[0], Step::Build { .. }));
    assert!(difference.changes[0].blockers[0].what.contains("65 indexes at a time"), "{difference:?}");
}

#[test]
fn unmanaged_indexes_are_hidden_only_where_that_is_the_policy() {
    let stray = ascending("b_1", "b", Options::default());
    for (policy, changes, notes) in
        [(Unmanaged::Keep, 0, 0), (Unmanaged::Report, 0, 1), (Unmanaged::Hide, 1, 0)]
    {
        let difference = diff(&spec(Vec::new(), &[], policy), &live(std::slice::from_ref(&stray)), RULES);
        assert_eq!((difference.changes.len(), difference.notes.len()), (changes, notes), "{policy:?}");
    }
}

fn any_options() -> impl Strategy<Value = Options> {
    let ttl = prop::option::of(prop::sample::select(vec![60_i64, 3600]));
    let filter = prop::option::of(Just(doc! { "z": { "$gt": 5 } }));
    let collation = prop::option::of(Just(doc! { "locale": "en", "strength": 2 }));
    (any::<[bool; 4]>(), ttl, filter, collation).prop_map(|(on, ttl, filter, collation)| Options {
        unique: on[0],
        sparse: on[1] && filter.is_none(),
        hidden: on[2],
        prepare_unique: on[3] && !on[0],
        expire_after_seconds: ttl,
        partial_filter_expression: filter,
        collation,
        ..Options::default()
    })
}

/// Indexes over few fields, so that they meet.
fn any_index() -> impl Strategy<Value = Index> {
    let kind = prop::sample::select(vec![Kind::Ascending, Kind::Descending]);
    let keys = (prop::sample::select(vec!["a", "b"]), kind);
    let name = prop::option::of(prop::sample::select(vec!["x", "y", "a_1", "b_-1"]));
    (keys, any::<bool>(), any_options(), name).prop_map(|((field, kind), compound, mut options, name)| {
        let mut keys = vec![Key::new(field, kind)];
        if compound {
            keys.push(Key::new("k", Kind::Ascending));
            options.expire_after_seconds = None;
        }
        let mut index = Index::new(keys);
        index.options = options;
        name.map_or_else(|| index.clone(), |name| index.named(name))
    })
}

/// As many of them as a server, or a specification, would take together.
fn together(indexes: Vec<Index>) -> Vec<Index> {
    let mut taken: Vec<Index> = Vec::new();
    for index in indexes {
        if taken.iter().all(|other| other.name != index.name && other.can_stand_beside(&index)) {
            taken.push(index);
        }
    }
    taken
}

fn any_live() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any_index(), 0..5).prop_map(together)
}

fn any_spec() -> impl Strategy<Value = DatabaseSpec> {
    let policy = prop::sample::select(vec![Unmanaged::Keep, Unmanaged::Report, Unmanaged::Hide]);
    let declared = any_live().prop_map(|mut indexes| {
        indexes.iter_mut().for_each(|index| index.options.prepare_unique = false);
        indexes
    });
    (declared, policy, any::<bool>(), any::<bool>()).prop_map(|(indexes, policy, named, absent)| {
        let absent =
            if absent && !indexes.iter().any(|index| index.name == "y") { vec!["y"] } else { vec![] };
        let declared = indexes.into_iter().map(|index| {
            let is_default = index.name == crate::indexes::index::default_name(&index.keys);
            (index, named || !is_default)
        });
        spec(declared.collect(), &absent, policy)
    })
}

/// Whether an index, hidden or not, has these keys first.
fn is_covered(indexes: &[Index], keys: &[Key]) -> bool {
    indexes.iter().any(|index| index.keys.starts_with(keys))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is declared and whatever is there: the server takes every step, keys that were there and are wanted
    /// are served at every instant, an interrupted run goes on from wherever it stopped, and nothing is left to do.
    #[test]
    fn applying_the_difference_leaves_none(spec in any_spec(), before in any_live(), cut in 0_usize..40) {
        let mut indexes = before.clone();
        let kept: Vec<Vec<Key>> = spec.collections[0].indexes.iter().map(|declared| declared.index.keys.clone())
            .filter(|keys| is_covered(&before, keys)).collect();
        let mut left = cut;
        for round in 0.. {
            prop_assert!(round < 4, "never done: {:?}", diff(&spec, &live(&indexes), RULES));
            let difference = diff(&spec, &live(&indexes), RULES);
            let is_blocked = difference.changes.iter().any(|change| !change.blockers.is_empty());
            let planned = steps(&difference);
            if planned.is_empty() || is_blocked {
                break;
            }
            for step in planned.iter().take(if round == 0 { left } else { usize::MAX }) {
                perform(&mut indexes, step);
                for keys in &kept {
                    prop_assert!(is_covered(&indexes, keys), "a gap for {keys:?} after {step:?}");
                }
            }
            left = usize::MAX;
        }
    }
}
