//! The advice as a part of a specification: indexes to add with the queries they are for, names that must go.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::catalog::Catalog;
use super::report::{MissingIndex, RedundantIndex, ServedShape, UnusedIndex};
use super::shape::{RangeBy, Shape, Verb};
use crate::indexes::index::ID_INDEX;

/// Keys that may be examined for each document returned, where only the first range bounds them.
const LOOSE_RATIO: u32 = 100;

/// What is said of one collection.
#[derive(Default)]
struct Part<'r> {
    missing: Vec<&'r MissingIndex>,
    absent: BTreeMap<&'r str, Option<usize>>,
}

/// The patch; nothing when there is no advice.
pub fn write(
    missing: &[MissingIndex],
    redundant: &[RedundantIndex],
    unused: &[UnusedIndex],
    catalog: &Catalog,
) -> Option<String> {
    let mut databases: BTreeMap<&str, BTreeMap<&str, Part<'_>>> = BTreeMap::new();
    for index in missing {
        let collections = databases.entry(&index.database).or_default();
        collections.entry(&index.collection).or_default().missing.push(index);
    }
    let gone =
        redundant.iter().map(|index| (&index.database, &index.collection, &index.name, index.declared_line));
    let idle =
        unused.iter().map(|index| (&index.database, &index.collection, &index.name, index.declared_line));
    for (database, collection, name, line) in gone.chain(idle) {
        let part = databases.entry(database).or_default().entry(collection).or_default();
        part.absent.insert(name, line);
    }
    if databases.is_empty() {
        return None;
    }
    let mut text = String::from(
        "# Advice of `scalectl migrate indexes advise`: look through it, then merge it into the specification.\n",
    );
    text += "databases:\n";
    for (database, collections) in databases {
        line(&mut text, 1, &format!("{}:", scalar(database)));
        line(&mut text, 2, "collections:");
        for (name, part) in collections {
            line(&mut text, 3, &format!("{}:", scalar(name)));
            let default = catalog.get(database, name).and_then(|found| found.collation.as_ref());
            part.write(&mut text, default.is_some());
        }
    }
    Some(text)
}

impl Part<'_> {
    fn write(&self, text: &mut String, has_default_collation: bool) {
        if !self.missing.is_empty() {
            line(text, 4, "indexes:");
        }
        for index in &self.missing {
            let keys = index.keys.iter().map(|key| format!("{}: {}", scalar(&key.field), key.direction));
            line(text, 5, &format!("- keys: {{{}}}", keys.collect::<Vec<_>>().join(", ")));
            // Without a name, an index of another name will do as well.
            if index.has_own_name {
                line(text, 5, &format!("  name: {}", scalar(&index.name)));
            }
            collation(text, index.collation.as_deref(), has_default_collation);
        }
        if !self.missing.is_empty() {
            line(text, 4, "queries:");
        }
        for served in self.missing.iter().flat_map(|index| &index.serves) {
            line(text, 5, &format!("- name: {}", scalar(&served.title)));
            line(text, 5, &format!("  {}", query(served)));
            if is_loose(&served.shape) {
                line(text, 5, &format!("  keysPerReturned: {LOOSE_RATIO}"));
            }
            collation(text, served.shape.collation.as_deref(), has_default_collation);
        }
        if !self.absent.is_empty() {
            line(text, 4, "absent:");
        }
        for (name, declared) in &self.absent {
            let note = declared
                .map_or_else(String::new, |line| format!("  # declared in line {line}: take it out there"));
            line(text, 5, &format!("- {}{note}", scalar(name)));
        }
    }
}

fn line(text: &mut String, depth: usize, words: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}{words}", "  ".repeat(depth));
}

fn collation(text: &mut String, collation: Option<&str>, has_default: bool) {
    match collation {
        Some(collation) => line(text, 5, &format!("  collation: {collation}")),
        None if has_default => line(text, 5, "  collation: {locale: simple}"),
        None => {}
    }
}

/// Only the first range bounds the keys that are read; what follows, or follows a sort, is checked key by key.
fn is_loose(shape: &Shape) -> bool {
    let is_in_sort = |field: &str| shape.sort.first().is_some_and(|sort| sort.field == field);
    let free = shape.range.iter().filter(|range| !is_in_sort(&range.field)).count();
    free > usize::from(shape.sort.is_empty()) || shape.equality.iter().any(|given| given.is_list)
}

fn query(served: &ServedShape) -> String {
    let shape = &served.shape;
    let filter = filter(shape);
    let sort: Vec<String> = shape
        .sort
        .iter()
        .map(|sort| {
            let direction = if sort.is_descending { -1 } else { 1 };
            format!("{}: {direction}", scalar(&sort.field))
        })
        .collect();
    let sort = sort.join(", ");
    match (shape.verb, &shape.distinct) {
        (Verb::Aggregate, _) => {
            let sort = if sort.is_empty() { sort } else { format!(", {{$sort: {{{sort}}}}}") };
            format!("aggregate: [{{$match: {filter}}}{sort}]")
        }
        (Verb::Count, _) => format!("count: {filter}"),
        (Verb::Distinct, Some(key)) => format!("distinct: {{key: {}, filter: {filter}}}", scalar(key)),
        (Verb::Delete, _) => format!("delete: {filter}"),
        (Verb::Update, _) => format!("update: {filter}"),
        (Verb::FindAndModify, _) if sort.is_empty() => format!("update: {filter}"),
        (Verb::Find | Verb::FindAndModify | Verb::Distinct, _) => {
            let sort = if sort.is_empty() { sort } else { format!(", sort: {{{sort}}}") };
            let limit = served.limit.map_or_else(String::new, |limit| format!(", limit: {limit}"));
            format!("find: {{filter: {filter}{sort}{limit}}}")
        }
    }
}

fn filter(shape: &Shape) -> String {
    let sample = |field: &str| format!("{{$sample: {}}}", scalar(field));
    let given = shape.equality.iter().map(|given| {
        let (field, value) = (scalar(&given.field), sample(&given.field));
        if given.is_list { format!("{field}: {{$in: [{value}]}}") } else { format!("{field}: {value}") }
    });
    let ranges = shape.range.iter().map(|range| {
        let (field, value) = (scalar(&range.field), sample(&range.field));
        match range.by {
            RangeBy::Existence => format!("{field}: {{$exists: true}}"),
            RangeBy::ManyValues => format!("{field}: {{$in: [{value}]}}"),
            RangeBy::Comparison | RangeBy::Prefix | RangeBy::Type => format!("{field}: {{$gte: {value}}}"),
        }
    });
    format!("{{{}}}", given.chain(ranges).collect::<Vec<_>>().join(", "))
}

/// A text as YAML: plain where nothing else could be read from it, in quotes otherwise.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let starts_well =
        text.starts_with(|c: char| c.is_ascii_alphabetic()) || text == ID_INDEX || text == "_id";
    if starts_well && text.chars().all(is_plain) && !WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let escaped = text.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
            format!("\\U{:08x}", u32::from(c))
        }
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use snapbox::{assert_data_eq, str};

    use super::{Catalog, RedundantIndex, scalar, write};
    use crate::config::Document;
    use crate::indexes::advise::needs::Need;
    use crate::indexes::advise::operation::Operation;
    use crate::indexes::advise::propose::propose;
    use crate::indexes::advise::report::MissingIndex;
    use crate::indexes::advise::workload::Cost;
    use crate::indexes::live::{LiveCollection, LiveDatabase};
    use crate::indexes::spec::Spec;

    fn catalog() -> Catalog {
        let collections = [("orders".to_owned(), LiveCollection::default())].into();
        let live = LiveDatabase { name: "shop".to_owned(), collections, views: Vec::new() };
        Catalog::new(&[live], None)
    }

    fn missing(commands: &[bson::Document], catalog: &Catalog) -> Vec<MissingIndex> {
        let needs = commands.iter().flat_map(|command| {
            let operation = Operation::read("shop.orders", command).unwrap();
            let cost = Cost { count: 1, docs: 1_000, scans: 1, ..Cost::default() };
            let need = |shape| Need { shape, cost, is_measured: true, limit: operation.limit };
            operation.shapes(None).unwrap().into_iter().map(need).collect::<Vec<_>>()
        });
        let collection = catalog.get("shop", "orders").unwrap();
        let proposals = propose(needs.collect(), None).into_iter();
        proposals.map(|proposal| proposal.report("shop", "orders", collection, None)).collect()
    }

    #[test]
    fn a_patch_is_a_specification() {
        let commands = [
            doc! { "find": "orders", "filter": { "a": 1, "b": { "$gt": 2 } }, "sort": { "c": -1 }, "limit": 20 },
            doc! { "aggregate": "orders", "pipeline": [{ "$match": { "e": { "$in": [1, 2] } } }, { "$sort": { "d": 1 } }] },
            doc! { "count": "orders", "query": { "odd: key#": 1, "yes": 2, "\u{7f}\"": { "$exists": true } } },
            doc! { "distinct": "orders", "key": "k", "query": {} },
            doc! { "q": { "u": 1 }, "u": {}, "collation": { "locale": "en", "strength": 2 } },
        ];
        let catalog = catalog();
        let redundant = RedundantIndex {
            database: "shop".to_owned(),
            collection: "orders".to_owned(),
            name: "x_1".to_owned(),
            keys: "{x: 1}".to_owned(),
            covered_by: "x_1_y_1".to_owned(),
            reason: String::new(),
            declared_line: Some(7),
        };
        let text = write(&missing(&commands, &catalog), &[redundant], &[], &catalog).unwrap();
        let document = Document::parse("patch.yaml", text.clone()).unwrap();
        let spec = Spec::from_document(&document).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        let orders = spec.collection("shop", "orders").unwrap();
        assert_eq!((orders.indexes.len(), orders.queries.len(), orders.absent.len()), (5, 5, 1));
        let first = missing(&commands[..1], &catalog);
        assert_data_eq!(
            write(&first, &[], &[], &catalog).unwrap(),
            str![[r##"
# Advice of `scalectl migrate indexes advise`: look through it, then merge it into the specification.
databases:
  shop:
    collections:
      orders:
        indexes:
          - keys: {a: 1, c: -1, b: 1}
        queries:
          - name: "find: a =, sort c -1, range b"
            find: {filter: {a: {$sample: a}, b: {$gte: {$sample: b}}}, sort: {c: -1}, limit: 20}
            keysPerReturned: 100

"##]]
        );
    }

    #[test]
    fn texts_are_quoted_where_yaml_would_read_something_else() {
        let shown = ["a.b_1", "yes", "1", "a: b", "\n", ""].map(scalar);
        assert_eq!(shown, ["a.b_1", "\"yes\"", "\"1\"", "\"a: b\"", "\"\\U0000000a\"", "\"\""]);
    }
}
