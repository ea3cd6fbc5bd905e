//! Indexes whose work another does: the prefix rule, with every exception that MongoDB's options make.

use super::catalog::Collection;
use super::report::{RedundantIndex, Spared};
use super::serving::collation_text;
use crate::indexes::index::{Index, Key, Kind, Options};

/// What an index does besides serving queries, so that no other can do its work.
pub fn special(index: &Index) -> Option<&'static str> {
    let options = &index.options;
    let kinds = |kind: Kind| index.has(kind);
    let reasons = [
        (options.unique || options.prepare_unique, "it is unique"),
        (options.expire_after_seconds.is_some(), "it deletes old documents (TTL)"),
        (options.partial_filter_expression.is_some(), "it is partial"),
        (options.sparse, "it is sparse"),
        (options.hidden, "it is hidden"),
        (index.keys.iter().any(Key::is_wildcard), "it is a wildcard index"),
        (kinds(Kind::Hashed), "it is hashed"),
        (kinds(Kind::Text), "it is a text index"),
        (kinds(Kind::Planar) || kinds(Kind::Sphere), "it is geospatial"),
    ];
    let known = reasons.into_iter().find_map(|(is_so, why)| is_so.then_some(why));
    let plain = Options { collation: options.collation.clone(), ..Options::default() };
    known.or_else(|| (*options != plain).then_some("it has options of its own"))
}

/// Whether an index whose options are plain does all the work of another whose options are plain.
pub fn covers(long: &Index, short: &Index) -> bool {
    let options = &long.options;
    let serves_all = !options.sparse && !options.hidden && options.partial_filter_expression.is_none();
    let is_ordered = |key: &Key| key.kind.is_ordered() && !key.is_wildcard();
    serves_all
        && long.keys.iter().all(is_ordered)
        && has_prefix(&long.keys, &short.keys)
        && collation_text(options.collation.as_ref()) == collation_text(short.options.collation.as_ref())
}

/// Whether the keys begin with others; of a single field, the direction makes no difference.
fn has_prefix(long: &[Key], short: &[Key]) -> bool {
    match (long, short) {
        ([first, ..], [only]) => first.field == only.field,
        _ => long.starts_with(short),
    }
}

/// The redundant indexes of a collection, and those that only look so; `uses` says how often one was used.
pub fn find(
    database: &str,
    name: &str,
    collection: &Collection,
    uses: impl Fn(&str) -> i64,
) -> (Vec<RedundantIndex>, Vec<Spared>) {
    let (mut redundant, mut spared) = (Vec::new(), Vec::new());
    for short in collection.live.iter().filter(|index| !collection.absent.contains(&index.name)) {
        let others = || collection.lasting().filter(|long| long.name != short.name);
        let why_not = special(short)
            .or_else(|| collection.wanted.contains(&short.name).then_some("a declared query names it"));
        let looks_so = others().find(|long| has_prefix(&long.keys, &short.keys));
        // The longest is itself never redundant by a longer one.
        let covering = others().filter(|long| covers(long, short) && is_kept(long, short, collection, &uses));
        let covering = covering.max_by_key(|long| (long.keys.len(), worth(long, collection, &uses)));
        match (why_not, covering, looks_so) {
            (None, Some(long), _) => {
                redundant.push(report(database, name, collection, short, long));
            }
            (Some(why), _, Some(long)) => {
                spared.push(kept(database, name, short, &format!("{}, and {why}", looks(short, long))));
            }
            (None, None, Some(long)) if !covers(long, short) => {
                let reason = format!("{}, but that one has {}", looks(short, long), long.shown_options());
                spared.push(kept(database, name, short, &reason));
            }
            _ => {}
        }
    }
    (redundant, spared)
}

/// Of two with the same keys one stays: the one that does more, is declared, is used more, or comes first by name.
fn is_kept(long: &Index, short: &Index, collection: &Collection, uses: &impl Fn(&str) -> i64) -> bool {
    if long.keys.len() > short.keys.len() {
        return true;
    }
    worth(long, collection, uses) > worth(short, collection, uses)
}

/// In which order indexes with the same keys stay.
fn worth(
    index: &Index,
    collection: &Collection,
    uses: &impl Fn(&str) -> i64,
) -> (bool, bool, i64, std::cmp::Reverse<String>) {
    let is_special = special(index).is_some() || collection.wanted.contains(&index.name);
    let is_declared = collection.declared.contains_key(&index.name);
    (is_special, is_declared, uses(&index.name), std::cmp::Reverse(index.name.clone()))
}

fn report(
    database: &str,
    name: &str,
    collection: &Collection,
    short: &Index,
    long: &Index,
) -> RedundantIndex {
    let is_to_come = collection.to_come.iter().any(|index| index.name == long.name);
    let once = if is_to_come { ", once that is built" } else { "" };
    RedundantIndex {
        database: database.to_owned(),
        collection: name.to_owned(),
        name: short.name.clone(),
        keys: short.shown_keys(),
        covered_by: long.name.clone(),
        reason: format!("{}{once}", looks(short, long)),
        declared_line: collection.declared.get(&short.name).copied(),
    }
}

fn looks(short: &Index, long: &Index) -> String {
    let (name, keys) = (&long.name, long.shown_keys());
    match short.keys.len() == long.keys.len() {
        true => format!("`{name}` {keys} has the same keys"),
        false => format!("its keys are the first of `{name}` {keys}"),
    }
}

fn kept(database: &str, collection: &str, index: &Index, reason: &str) -> Spared {
    Spared {
        database: database.to_owned(),
        collection: collection.to_owned(),
        name: index.name.clone(),
        reason: format!("not redundant: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bson::doc;
    use proptest::prelude::*;

    use super::{Index, Key, Kind, Options, find, special};
    use crate::indexes::advise::catalog::Collection;

    fn index(keys: &[(&str, Kind)], options: Options) -> Index {
        let keys = keys.iter().map(|(field, kind)| Key::new(*field, *kind)).collect();
        Index { options, ..Index::new(keys) }
    }

    fn collection(live: Vec<Index>) -> Collection {
        Collection {
            live,
            to_come: Vec::new(),
            absent: Vec::new(),
            wanted: Vec::new(),
            declared: BTreeMap::new(),
            collation: None,
            is_time_series: false,
        }
    }

    fn names(collection: &Collection) -> Vec<String> {
        find("d", "c", collection, |_| 0).0.into_iter().map(|found| found.name).collect()
    }

    const UP: Kind = Kind::Ascending;
    const DOWN: Kind = Kind::Descending;

    #[test]
    fn a_prefix_is_redundant_and_a_suffix_is_not() {
        let of = |keys: &[(&str, Kind)]| index(keys, Options::default());
        let found = collection(vec![
            of(&[("a", DOWN)]),
            of(&[("a", UP), ("b", DOWN)]),
            of(&[("a", UP), ("b", DOWN), ("c", UP)]),
            of(&[("b", UP)]),
            of(&[("a", UP), ("b", UP)]),
        ]);
        assert_eq!(names(&found), ["a_-1", "a_1_b_-1"]);
    }

    #[test]
    fn of_twins_one_stays() {
        let twin = Index { name: "twin".to_owned(), ..index(&[("a", UP)], Options::default()) };
        assert_eq!(names(&collection(vec![index(&[("a", UP)], Options::default()), twin])), ["twin"]);
        let unique = Options { unique: true, ..Options::default() };
        let unique = Index { name: "u".to_owned(), ..index(&[("a", UP)], unique) };
        assert_eq!(names(&collection(vec![index(&[("a", UP)], Options::default()), unique])), ["a_1"]);
    }

    #[test]
    fn an_index_that_a_declared_query_names_stays() {
        let long = index(&[("a", UP), ("b", UP)], Options::default());
        let mut found = collection(vec![index(&[("a", UP)], Options::default()), long]);
        assert_eq!(names(&found), ["a_1"]);
        found.wanted.push("a_1".to_owned());
        assert!(names(&found).is_empty());
        let spared = find("d", "c", &found, |_| 0).1;
        assert!(spared[0].reason.ends_with("and a declared query names it"), "{spared:?}");
    }

    fn options() -> impl Strategy<Value = Options> {
        (0..12_u8).prop_map(|which| match which {
            0 => Options { unique: true, ..Options::default() },
            1 => Options { sparse: true, ..Options::default() },
            2 => Options { hidden: true, ..Options::default() },
            3 => Options { prepare_unique: true, ..Options::default() },
            4 => Options { expire_after_seconds: Some(60), ..Options::default() },
            5 => Options { partial_filter_expression: Some(doc! { "a": 1 }), ..Options::default() },
            6 => Options { collation: Some(doc! { "locale": "en" }), ..Options::default() },
            7 => Options { storage_engine: Some(doc! { "wiredTiger": {} }), ..Options::default() },
            _ => Options::default(),
        })
    }

    fn any_index() -> impl Strategy<Value = Index> {
        let kind = prop_oneof![
            5 => Just(UP), 3 => Just(DOWN), 1 => Just(Kind::Hashed), 1 => Just(Kind::Sphere), 1 => Just(Kind::Text),
        ];
        let field = prop_oneof![5 => "[a-c]", 1 => Just("$**".to_owned())];
        let keys = prop::collection::vec((field, kind), 1..4);
        (keys, options(), "[a-z]{8}").prop_map(|(keys, options, name)| {
            let keys = keys.into_iter().map(|(field, kind)| Key::new(field, kind)).collect();
            Index { name, keys, options }
        })
    }

    proptest! {
        #[test]
        fn what_is_redundant_has_no_option_of_its_own(live in prop::collection::vec(any_index(), 2..6)) {
            let found = collection(live.clone());
            let redundant = find("d", "c", &found, |_| 0).0;
            let of = |name: &str| live.iter().find(|index| index.name == name).unwrap();
            for judged in &redundant {
                let (short, long) = (of(&judged.name), of(&judged.covered_by));
                prop_assert_eq!(special(short), None);
                prop_assert!(short.keys.iter().all(|key| key.kind.is_ordered() && !key.is_wildcard()));
                let plain = Options { collation: long.options.collation.clone(), ..Options::default() };
                prop_assert_eq!(&short.options, &plain);
                prop_assert!(!long.options.sparse && !long.options.hidden);
                prop_assert!(long.options.partial_filter_expression.is_none());
                // What does the work stays: no chain of advice leaves nothing.
                prop_assert!(!redundant.iter().any(|other| other.name == judged.covered_by));
            }
        }
    }
}
