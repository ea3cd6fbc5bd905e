//! Whether an index serves a shape whole: every given field bounds it, the order comes from it, ranges are in it.

use std::collections::BTreeMap;

use bson::{Bson, Document};

use super::shape::{RangeBy, Shape};
use crate::indexes::index::{Index, Key, Kind, Options, shown};

/// A collation as shapes hold it: without what a server fills in, its parts by name.
pub fn collation_text(collation: Option<&Document>) -> Option<String> {
    let options = Options { collation: collation.cloned(), ..Options::default() };
    let normalized = Index { options, ..Index::new(Vec::new()) }.normalized().options.collation?;
    let parts: BTreeMap<String, Bson> = normalized.into_iter().collect();
    Some(shown(&parts.into_iter().collect()))
}

/// Whether the index serves the shape.
pub fn serves(index: &Index, shape: &Shape) -> bool {
    let options = &index.options;
    if options.hidden
        || options.partial_filter_expression.is_some()
        || index.keys.iter().any(Key::is_wildcard)
        || collation_text(options.collation.as_ref()) != shape.collation
        || (options.sparse && !finds_all_in_sparse(index, shape))
    {
        return false;
    }
    leads_to_one(index, shape) || keys_serve(&index.keys, shape)
}

/// Whether keys in this order serve the shape, options aside.
pub fn keys_serve(keys: &[Key], shape: &Shape) -> bool {
    let mut given: Vec<&str> = shape.equality.iter().map(|field| field.field.as_str()).collect();
    let mut ranges: Vec<&str> = shape.range.iter().map(|field| field.field.as_str()).collect();
    let mut sort = shape.sort.as_slice();
    let mut is_reversed = None;
    for key in keys {
        let was = given.len();
        given.retain(|field| *field != key.field);
        if given.len() < was && (key.kind.is_ordered() || key.kind == Kind::Hashed) {
            continue;
        }
        if !given.is_empty() || !key.kind.is_ordered() {
            return false;
        }
        match sort {
            [next, rest @ ..] => {
                let reversed = next.is_descending != (key.kind == Kind::Descending);
                if next.field != key.field || *is_reversed.get_or_insert(reversed) != reversed {
                    return false;
                }
                sort = rest;
                ranges.retain(|field| *field != key.field);
            }
            [] if ranges.contains(&key.field.as_str()) => ranges.retain(|field| *field != key.field),
            [] => break,
        }
    }
    given.is_empty() && sort.is_empty() && ranges.is_empty()
}

/// A unique index over given single values leads to one document at most; nothing is left to do better.
fn leads_to_one(index: &Index, shape: &Shape) -> bool {
    let is_given = |key: &Key| {
        shape.equality.iter().any(|given| given.field == key.field && !given.is_list) && key.kind.is_ordered()
    };
    index.options.unique && index.keys.iter().all(is_given)
}

/// A sparse index lacks the documents without its fields; a value that cannot be null rules those out.
fn finds_all_in_sparse(index: &Index, shape: &Shape) -> bool {
    let is_value = |key: &Key| {
        shape.equality.iter().any(|given| given.field == key.field && !given.may_be_null)
            || shape.range.iter().any(|range| range.field == key.field && range.by == RangeBy::Comparison)
    };
    index.keys.iter().any(is_value)
}

/// Whether the index could narrow the query, or give its order, at all.
pub fn could_help(index: &Index, shape: &Shape) -> bool {
    let Some(first) = index.keys.first() else { return false };
    let is_first_of_sort = shape.sort.first().is_some_and(|sort| sort.field == first.field);
    !index.options.hidden
        && (first.is_wildcard()
            || is_first_of_sort
            || shape.gives(&first.field)
            || shape.range.iter().any(|range| range.field == first.field))
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::{Index, Options, Shape, serves};
    use crate::indexes::advise::operation::Operation;
    use crate::indexes::index::{Key, Kind};

    fn shape(filter: &Document, sort: &Document) -> Shape {
        let operation =
            Operation::read("d.c", &doc! { "find": "c", "filter": filter, "sort": sort }).unwrap();
        operation.shapes(None).unwrap().remove(0)
    }

    fn index(keys: &Document, options: Options) -> Index {
        let keys = keys.iter().map(|(field, kind)| Key::new(field, Kind::parse(kind).unwrap())).collect();
        Index { options, ..Index::new(keys) }
    }

    #[test]
    fn an_index_serves_when_its_first_keys_are_equality_then_sort_then_range() {
        let asked =
            shape(&doc! { "a": 1, "b": { "$in": [1, 2] }, "r": { "$gt": 1 } }, &doc! { "s": 1, "t": -1 });
        for (keys, expected) in [
            (doc! { "a": 1, "b": 1, "s": 1, "t": -1, "r": 1 }, true),
            (doc! { "b": -1, "a": 1, "s": -1, "t": 1, "r": 1, "more": 1 }, true),
            (doc! { "a": 1, "b": 1, "s": 1, "t": 1, "r": 1 }, false),
            (doc! { "a": 1, "b": 1, "r": 1, "s": 1, "t": -1 }, false),
            (doc! { "a": 1, "s": 1, "t": -1, "r": 1, "b": 1 }, false),
            (doc! { "a": 1, "b": 1, "s": 1, "t": -1 }, false),
            (doc! { "x": 1, "a": 1, "b": 1, "s": 1, "t": -1, "r": 1 }, false),
        ] {
            assert_eq!(serves(&index(&keys, Options::default()), &asked), expected, "{keys}");
        }
    }

    #[test]
    fn options_decide_whether_an_index_serves() {
        let (given, maybe_null) = (doc! { "a": 1 }, doc! { "a": null });
        let collation = Some(doc! { "locale": "en", "strength": 2 });
        for (options, filter, expected) in [
            (Options::default(), &given, true),
            (Options { hidden: true, ..Options::default() }, &given, false),
            (
                Options { partial_filter_expression: Some(doc! { "b": 1 }), ..Options::default() },
                &given,
                false,
            ),
            (Options { collation, ..Options::default() }, &given, false),
            (Options { sparse: true, ..Options::default() }, &given, true),
            (Options { sparse: true, ..Options::default() }, &maybe_null, false),
        ] {
            let found = serves(&index(&doc! { "a": 1 }, options.clone()), &shape(filter, &doc! {}));
            assert_eq!(found, expected, "{options:?}");
        }
    }

    #[test]
    fn a_unique_index_over_given_values_leaves_nothing_to_do() {
        let unique = index(&doc! { "a": 1 }, Options { unique: true, ..Options::default() });
        assert!(serves(&unique, &shape(&doc! { "a": 1, "b": { "$gt": 2 } }, &doc! { "c": 1 })));
        assert!(!serves(&unique, &shape(&doc! { "a": { "$in": [1, 2] }, "b": 2 }, &doc! {})));
    }
}
