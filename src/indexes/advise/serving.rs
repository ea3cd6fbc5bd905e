//! Whether an index serves a shape whole: every given field bounds it, the order comes from it, ranges are in it.

use super::shape::Shape;
use crate::indexes::index::{Index, Key, Kind, shown};

/// A collation as shapes hold it.
pub fn collation_text(collation: Option<&bson::Document>) -> Option<String> {
    let probe = Index {
        name: String::new(),
        keys: Vec::new(),
        options: crate::indexes::index::Options { collation: collation.cloned(), ..Default::default() },
    };
    let normalized = probe.normalized().options.collation?;
    let mut parts: Vec<_> = normalized.into_iter().collect();
    parts.sort_by(|a, b| a.0.cmp(&b.0));
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
            || shape
                .range
                .iter()
                .any(|range| range.field == key.field && range.by == super::shape::RangeBy::Comparison)
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
