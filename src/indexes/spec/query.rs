//! Queries that the indexes must serve.

use bson::{Bson, Document as Bag};
use serde_json::{Map, Value};

use super::DeclaredIndex;
use super::check::{bag, collation};
use super::model::QueryFile;
use crate::config::{Diagnostic, Document, Place};

/// Keys and documents that may be examined for each document returned, when nothing is said.
const DEFAULT_RATIO: f64 = 2.0;
/// How many sampled documents a query is tried with, when nothing is said.
const DEFAULT_SAMPLES: u8 = 3;

/// A query that the indexes must serve.
#[derive(Debug, Clone)]
pub struct DeclaredQuery {
    /// What it is for.
    pub name: String,
    /// What is asked. Wherever a value may stand there may be `{$sample: path}`.
    pub operation: Operation,
    /// Its collation.
    pub collation: Option<Bag>,
    /// The name of the index that must serve it.
    pub index: Option<String>,
    /// Keys that may be examined for each document returned.
    pub keys_per_returned: f64,
    /// Documents that may be examined for each document returned.
    pub docs_per_returned: f64,
    /// How many sampled documents it is tried with.
    pub samples: u8,
    /// Whether the result may be sorted in memory.
    pub allow_sort: bool,
    /// Where the file declares it.
    pub place: Place,
}

/// What a query does.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A find.
    Find {
        /// What is looked for.
        filter: Bag,
        /// In which order.
        sort: Option<Bag>,
        /// Which fields.
        projection: Option<Bag>,
        /// How many at most.
        limit: Option<i64>,
        /// How many are passed over.
        skip: Option<i64>,
    },
    /// An aggregation.
    Aggregate(Vec<Bag>),
    /// A count of what matches.
    Count(Bag),
    /// The values of a field.
    Distinct {
        /// The field.
        key: String,
        /// Of which documents.
        filter: Bag,
    },
    /// An update of what matches.
    Update(Bag),
    /// A delete of what matches.
    Delete(Bag),
}

/// One declared query; `None` when it cannot be read.
pub fn compile(
    document: &Document,
    pointer: &str,
    file: QueryFile,
    indexes: &[DeclaredIndex],
    found: &mut Vec<Diagnostic>,
) -> Option<DeclaredQuery> {
    let place = document.place(pointer);
    let QueryFile {
        name,
        find,
        aggregate,
        count,
        distinct,
        update,
        delete,
        collation: compares,
        index,
        keys_per_returned,
        docs_per_returned,
        samples,
        allow_sort,
    } = file;
    if let Some(wanted) = &index
        && !indexes.iter().any(|declared| declared.index.name == *wanted)
    {
        let place = document.place(&format!("{pointer}/index"));
        let known: Vec<&str> = indexes.iter().map(|declared| declared.index.name.as_str()).collect();
        let help = format!("declared here: {}", known.join(", "));
        found.push(Diagnostic::new(place, format!("no index `{wanted}` is declared")).with_help(help));
    }
    let mut operations: Vec<Result<Operation, String>> = Vec::new();
    operations.extend(find.map(|find| {
        let optional = |part: Option<Map<String, Value>>| part.map(bag).transpose();
        let (filter, sort) = (bag(find.filter)?, optional(find.sort)?);
        let projection = optional(find.projection)?;
        Ok(Operation::Find { filter, sort, projection, limit: find.limit, skip: find.skip })
    }));
    operations.extend(aggregate.map(|stages| Ok(Operation::Aggregate(pipeline(stages)?))));
    operations.extend(count.map(|filter| Ok(Operation::Count(bag(filter)?))));
    operations
        .extend(distinct.map(|asked| Ok(Operation::Distinct { key: asked.key, filter: bag(asked.filter)? })));
    operations.extend(update.map(|filter| Ok(Operation::Update(bag(filter)?))));
    operations.extend(delete.map(|filter| Ok(Operation::Delete(bag(filter)?))));
    let operation = match <[_; 1]>::try_from(operations) {
        Ok([Ok(operation)]) => operation,
        Ok([Err(reason)]) => {
            found.push(Diagnostic::new(place, format!("query `{name}`: {reason}")));
            return None;
        }
        Err(several) => {
            let message = format!("query `{name}` says {} of its kinds", several.len());
            let help = "say one: find, aggregate, count, distinct, update or delete";
            found.push(Diagnostic::new(place, message).with_help(help));
            return None;
        }
    };
    let declared = DeclaredQuery {
        name,
        operation,
        collation: compares.as_ref().map(collation),
        index,
        keys_per_returned: keys_per_returned.unwrap_or(DEFAULT_RATIO),
        docs_per_returned: docs_per_returned.unwrap_or(DEFAULT_RATIO),
        samples: samples.unwrap_or(DEFAULT_SAMPLES),
        allow_sort,
        place,
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    for path in declared.sampled_paths().into_iter().filter(|path| path.split('.').any(is_number)) {
        let message = format!("query `{}`: `$sample: {path}` names an item of a list", declared.name);
        let help = "name the list itself: its first item is taken";
        found.push(Diagnostic::new(place, message).with_help(help));
    }
    Some(declared)
}

/// Stages that would write, or run code of the caller's on the server, have no place in a check.
fn pipeline(stages: Vec<Map<String, Value>>) -> Result<Vec<Bag>, String> {
    if stages.is_empty() {
        return Err("an aggregation needs a stage".to_owned());
    }
    let stages = stages.into_iter().map(|stage| match stage.keys().next().map(String::as_str) {
        Some(name @ ("$out" | "$merge")) => Err(format!("`{name}` writes: a query that is verified may not")),
        Some(name) if stage.len() == 1 && name.starts_with('$') => bag(stage),
        _ => Err("a stage has one key, which starts with $".to_owned()),
    });
    stages.collect()
}

impl DeclaredQuery {
    /// The paths of documents whose values the query is tried with.
    pub fn sampled_paths(&self) -> Vec<&str> {
        let mut paths = Vec::new();
        let mut look = |bag| sampled_in(bag, &mut paths);
        match &self.operation {
            Operation::Find { filter, .. }
            | Operation::Count(filter)
            | Operation::Distinct { filter, .. }
            | Operation::Update(filter)
            | Operation::Delete(filter) => look(filter),
            Operation::Aggregate(stages) => stages.iter().for_each(look),
        }
        paths
    }
}

fn sampled_in<'b>(bag: &'b Bag, paths: &mut Vec<&'b str>) {
    for (name, value) in bag {
        match value {
            Bson::String(path) if name == "$sample" => paths.push(path),
            value => sampled_in_value(value, paths),
        }
    }
}

fn sampled_in_value<'b>(value: &'b Bson, paths: &mut Vec<&'b str>) {
    match value {
        Bson::Document(bag) => sampled_in(bag, paths),
        Bson::Array(items) => items.iter().for_each(|item| sampled_in_value(item, paths)),
        _ => {}
    }
}
