//! Which of the listed indexes is the declared one, and in what it differs. Nothing here speaks to a server.

use std::collections::BTreeSet;

use super::report::{Difference, MemberState};
use crate::indexes::index::{Index, is_name_of, shown_value};
use crate::indexes::live::LiveIndex;
use crate::indexes::spec::DeclaredIndex;

/// How one list of indexes has a declared one.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// How it has it.
    pub state: MemberState,
    /// The name under which it is listed.
    pub name: Option<String>,
    /// In what it differs.
    pub differences: Vec<Difference>,
}

/// Looks for a wanted index in a list.
pub fn find(wanted: &DeclaredIndex, listed: &[LiveIndex]) -> Match {
    let DeclaredIndex { index, is_named, .. } = wanted;
    let under_its_name = listed.iter().find(|live| live.name() == index.name);
    let is_ours = |live: &Index| is_name_of(&index.name, &live.name);
    let same = || known(listed).filter(|live| live.is_same_as(index));
    if let Some(live) = same().find(|live| is_ours(live)) {
        return Match::of(live, MemberState::Present, Vec::new());
    }
    if let Some(live) = same().find(|_| !is_named) {
        return Match::of(live, MemberState::Present, Vec::new());
    }
    match under_its_name {
        Some(LiveIndex::Known(live)) => return different(index, live),
        Some(LiveIndex::Unknown { name, listed }) => return unknown(index, name, listed),
        None => {}
    }
    if let Some(live) = same().next() {
        let difference = Difference::new("name", Some(index.name.clone()), Some(live.name.clone()));
        return Match::of(live, MemberState::Different, vec![difference]);
    }
    // What a server would not let stand beside the wanted one is what it has in its place.
    match known(listed).find(|live| !live.can_stand_beside(index)) {
        Some(live) => different(index, live),
        None => Match { state: MemberState::Missing, name: None, differences: Vec::new() },
    }
}

fn known(listed: &[LiveIndex]) -> impl Iterator<Item = &Index> {
    listed.iter().filter_map(|live| match live {
        LiveIndex::Known(index) if !index.is_id() => Some(index),
        _ => None,
    })
}

impl Match {
    fn of(live: &Index, state: MemberState, differences: Vec<Difference>) -> Self {
        Self { state, name: Some(live.name.clone()), differences }
    }
}

impl Difference {
    fn new(of: &str, declared: Option<String>, found: Option<String>) -> Self {
        Self { of: of.to_owned(), declared, found }
    }
}

fn different(wanted: &Index, live: &Index) -> Match {
    let differences = differences(wanted, live);
    let is_only_hidden = live.options.hidden && matches!(&differences[..], [only] if only.of == "hidden");
    let state = if is_only_hidden { MemberState::Hidden } else { MemberState::Different };
    Match::of(live, state, differences)
}

fn unknown(wanted: &Index, name: &str, listed: &str) -> Match {
    let difference = Difference::new("form", Some(definition(wanted)), Some(listed.to_owned()));
    Match { state: MemberState::Different, name: Some(name.to_owned()), differences: vec![difference] }
}

/// In which keys and options two indexes differ, in the form in which they are compared.
fn differences(wanted: &Index, live: &Index) -> Vec<Difference> {
    let (wanted, live) = (wanted.clone().normalized(), live.clone().normalized());
    let mut found = Vec::new();
    if wanted.keys != live.keys {
        found.push(Difference::new("keys", Some(wanted.shown_keys()), Some(live.shown_keys())));
    }
    let (wanted, live) = (wanted.options.to_document(), live.options.to_document());
    let names: BTreeSet<&String> = wanted.keys().chain(live.keys()).collect();
    for name in names {
        let (declared, listed) = (wanted.get(name), live.get(name));
        if declared != listed {
            found.push(Difference::new(name, declared.map(shown_value), listed.map(shown_value)));
        }
    }
    found
}

/// Keys and options in one line.
pub fn definition(index: &Index) -> String {
    match index.shown_options() {
        options if options.is_empty() => index.shown_keys(),
        options => format!("{} {options}", index.shown_keys()),
    }
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::{Match, find, is_name_of};
    use crate::config::Place;
    use crate::indexes::index::{Index, Key, Kind, Options};
    use crate::indexes::live::LiveIndex;
    use crate::indexes::spec::DeclaredIndex;
    use crate::indexes::verify::report::MemberState;

    fn declared(is_named: bool, options: Options) -> DeclaredIndex {
        let index = Index { options, ..Index::new(vec![Key::new("a", Kind::Ascending)]) };
        DeclaredIndex { index, is_named, place: Place { line: 1, column: 1 } }
    }

    fn listed(documents: &[Document]) -> Vec<LiveIndex> {
        documents.iter().map(|document| LiveIndex::Known(Index::from_listing(document).unwrap())).collect()
    }

    fn found(declared: &DeclaredIndex, documents: &[Document]) -> Match {
        find(declared, &listed(documents))
    }

    #[test]
    fn a_name_that_was_not_declared_may_be_another() {
        let list = [doc! { "key": { "a": 1 }, "name": "other" }];
        let free = found(&declared(false, Options::default()), &list);
        assert_eq!((free.state, free.name.as_deref()), (MemberState::Present, Some("other")));
        let named = found(&declared(true, Options::default()), &list);
        assert_eq!((named.state, &named.differences[0].of[..]), (MemberState::Different, "name"));
    }

    #[test]
    fn the_replacement_counts_while_the_replaced_one_soaks() {
        let unique = declared(true, Options { unique: true, ..Options::default() });
        let list = [
            doc! { "key": { "a": 1 }, "name": "a_1", "hidden": true },
            doc! { "key": { "a": 1 }, "name": "a_1_r0a1b2c3d", "unique": true },
        ];
        let matched = found(&unique, &list);
        assert_eq!((matched.state, matched.name.as_deref()), (MemberState::Present, Some("a_1_r0a1b2c3d")));
        assert!(!is_name_of("a_1", "a_1_r0a1b2c3") && !is_name_of("a_1", "a_1_rxxxxxxxx"));
    }

    #[test]
    fn every_differing_option_is_named_with_both_values() {
        let options = Options { unique: true, expire_after_seconds: Some(60), ..Options::default() };
        let matched = found(
            &declared(false, options),
            &[doc! { "key": { "a": 1 }, "name": "a_1", "expireAfterSeconds": 90, "sparse": true }],
        );
        let shown = matched.differences.iter().map(|difference| {
            let side = |value: &Option<String>| value.clone().unwrap_or_default();
            format!("{}: {} {}", difference.of, side(&difference.declared), side(&difference.found))
        });
        let shown = shown.collect::<Vec<_>>();
        assert_eq!(matched.state, MemberState::Different);
        assert_eq!(shown, ["expireAfterSeconds: 60 90", "sparse:  true", "unique: true "]);
    }

    #[test]
    fn hidden_is_a_state_of_its_own_when_nothing_else_differs() {
        let plain = declared(false, Options::default());
        let hidden = doc! { "key": { "a": 1 }, "name": "a_1", "hidden": true };
        assert_eq!(found(&plain, std::slice::from_ref(&hidden)).state, MemberState::Hidden);
        let wanted_so = declared(false, Options { hidden: true, ..Options::default() });
        assert_eq!(found(&wanted_so, &[hidden]).state, MemberState::Present);
    }

    #[test]
    fn an_index_beside_the_wanted_one_is_none_in_its_place() {
        let list = [
            doc! { "key": { "a": 1 }, "name": "other", "sparse": true },
            doc! { "key": { "_id": 1 }, "name": "_id_" },
        ];
        assert_eq!(found(&declared(false, Options::default()), &list).state, MemberState::Missing);
        let list = [doc! { "key": { "a": 1 }, "name": "other", "expireAfterSeconds": 5 }];
        assert_eq!(found(&declared(false, Options::default()), &list).state, MemberState::Different);
    }

    #[test]
    fn an_index_takes_the_collation_of_its_collection() {
        let of_collection = doc! { "locale": "de" };
        let list =
            [doc! { "key": { "a": 1 }, "name": "a_1", "collation": { "locale": "de", "strength": 3 } }];
        let plain = declared(false, Options::default());
        assert_eq!(found(&plain, &list).state, MemberState::Different);
        assert_eq!(found(&plain.in_collection(Some(&of_collection)), &list).state, MemberState::Present);
    }
}
