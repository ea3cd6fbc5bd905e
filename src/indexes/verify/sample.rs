//! Parameters of declared queries from documents of the collection, in place of `{$sample: path}`.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;

use super::query::TIME_LIMIT;
use crate::indexes::IndexError;
use crate::indexes::live::Deployment;
use crate::indexes::spec::Operation;

/// Documents drawn for each sample that is wanted: some lack a path.
const DRAWN_PER_SAMPLE: i64 = 5;
/// Operators whose operand is a list.
const LISTS: [&str; 3] = ["$in", "$nin", "$all"];

/// Up to `wanted` documents that have a value at every path: drawn at random first, looked for where too few of
/// the drawn ones do.
pub async fn draw(
    deployment: &Deployment,
    database: &str,
    collection: &str,
    paths: &[&str],
    wanted: usize,
) -> Result<Vec<Document>, IndexError> {
    let fields: Document = paths.iter().map(|path| (top(path).to_owned(), Bson::Int32(1))).collect();
    let count = i64::try_from(wanted).unwrap_or(i64::MAX).saturating_mul(DRAWN_PER_SAMPLE);
    let random = doc! {
        "aggregate": collection, "pipeline": [{ "$sample": { "size": count } }, { "$project": fields.clone() }],
        "cursor": { "batchSize": count }, "maxTimeMS": TIME_LIMIT,
    };
    let mut drawn = documents(deployment, database, collection, random).await?;
    drawn.retain(|document| is_usable(document, paths));
    if drawn.len() < wanted {
        let filter: Document = paths
            .iter()
            .map(|path| ((*path).to_owned(), Bson::from(doc! { "$exists": true, "$ne": null })))
            .collect();
        let search = doc! {
            "find": collection, "filter": filter, "projection": fields, "limit": count, "maxTimeMS": TIME_LIMIT,
        };
        let mut found = documents(deployment, database, collection, search).await?;
        found.retain(|document| is_usable(document, paths));
        // What was drawn is among what was found, unless the search ended early.
        if found.len() > drawn.len() {
            drawn = found;
        }
    }
    drawn.truncate(wanted);
    Ok(drawn)
}

/// What a command yields; nothing where the server refuses it or runs out of time.
async fn documents(
    deployment: &Deployment,
    database: &str,
    collection: &str,
    command: Document,
) -> Result<Vec<Document>, IndexError> {
    let doing = format!("sample documents of {database}.{collection}");
    let answer = match deployment.database(database).run_cursor_command(command).await {
        Ok(cursor) => cursor.try_collect().await,
        Err(error) => Err(error),
    };
    match answer.map_err(|error| deployment.fault(&doing, &error)) {
        Err(IndexError::Server { .. }) => Ok(Vec::new()),
        answer => answer,
    }
}

fn is_usable(document: &Document, paths: &[&str]) -> bool {
    paths.iter().all(|path| match value_at(document, path) {
        None | Some(Bson::Null) => false,
        Some(Bson::Array(items)) => !items.is_empty(),
        Some(_) => true,
    })
}

/// The value at a path; of an array in between, its first element that has one.
fn value_at<'d>(document: &'d Document, path: &str) -> Option<&'d Bson> {
    match path.split_once('.') {
        None => document.get(path),
        Some((field, rest)) => value_in(document.get(field)?, rest),
    }
}

fn value_in<'d>(value: &'d Bson, path: &str) -> Option<&'d Bson> {
    match value {
        Bson::Document(document) => value_at(document, path),
        Bson::Array(items) => items.iter().find_map(|item| value_in(item, path)),
        _ => None,
    }
}

fn top(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// The operation with the values of a document in place of its samples; without a document, with the empty text,
/// which is enough to see which plan the server chooses.
pub fn fill(operation: &Operation, from: Option<&Document>) -> Operation {
    let filled = |bag: &Document| fill_document(bag, from);
    match operation {
        Operation::Find { filter, sort, projection, limit, skip } => Operation::Find {
            filter: filled(filter),
            sort: sort.clone(),
            projection: projection.clone(),
            limit: *limit,
            skip: *skip,
        },
        Operation::Aggregate(stages) => Operation::Aggregate(stages.iter().map(filled).collect()),
        Operation::Count(filter) => Operation::Count(filled(filter)),
        Operation::Distinct { key, filter } => {
            Operation::Distinct { key: key.clone(), filter: filled(filter) }
        }
        Operation::Update(filter) => Operation::Update(filled(filter)),
        Operation::Delete(filter) => Operation::Delete(filled(filter)),
    }
}

fn fill_document(bag: &Document, from: Option<&Document>) -> Document {
    bag.iter().map(|(name, value)| (name.clone(), fill_value(name, value, from))).collect()
}

fn fill_value(name: &str, value: &Bson, from: Option<&Document>) -> Bson {
    match value {
        Bson::Document(bag) => match sampled_path(bag) {
            Some(path) => sampled(name, path, from),
            None => Bson::Document(fill_document(bag, from)),
        },
        Bson::Array(items) => Bson::Array(items.iter().map(|item| fill_value("", item, from)).collect()),
        value => value.clone(),
    }
}

fn sampled_path(bag: &Document) -> Option<&str> {
    match bag.iter().next() {
        Some((name, Bson::String(path))) if name == "$sample" && bag.len() == 1 => Some(path),
        _ => None,
    }
}

/// Where the operator `name` takes a list, the whole of an array; elsewhere one of its elements, because that is
/// what such a field is asked for.
fn sampled(name: &str, path: &str, from: Option<&Document>) -> Bson {
    let value = from.and_then(|document| value_at(document, path));
    let value = value.cloned().unwrap_or_else(|| Bson::String(String::new()));
    match value {
        Bson::Array(items) if LISTS.contains(&name) => Bson::Array(items),
        Bson::Array(items) => items.into_iter().next().unwrap_or(Bson::Null),
        value if LISTS.contains(&name) => Bson::Array(vec![value]),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::{fill, is_usable};
    use crate::indexes::spec::Operation;

    fn filled(filter: Document, from: Option<&Document>) -> Document {
        match fill(&Operation::Count(filter), from) {
            Operation::Count(filter) => filter,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_samples_of_a_query_come_from_one_document_at_any_depth() {
        let document = doc! { "a": 7, "b": { "c": "x" }, "tags": ["t", "u"], "items": [{}, { "sku": 3 }] };
        let filter = doc! {
            "a": { "$gte": { "$sample": "a" } }, "$or": [{ "b.c": { "$sample": "b.c" } }, { "z": 1 }],
            "tags": { "$sample": "tags" }, "all": { "$in": { "$sample": "tags" } },
            "one": { "$in": [{ "$sample": "a" }] }, "sku": { "$in": { "$sample": "items.sku" } },
        };
        assert_eq!(
            filled(filter, Some(&document)),
            doc! {
                "a": { "$gte": 7 }, "$or": [{ "b.c": "x" }, { "z": 1 }],
                "tags": "t", "all": { "$in": ["t", "u"] }, "one": { "$in": [7] }, "sku": { "$in": [3] },
            }
        );
    }

    #[test]
    fn without_a_document_the_empty_text_stands_in() {
        assert_eq!(filled(doc! { "a": { "$sample": "a" } }, None), doc! { "a": "" });
    }

    #[test]
    fn the_stage_of_that_name_is_left_alone() {
        let stages = vec![doc! { "$sample": { "size": 3 } }];
        assert_eq!(fill(&Operation::Aggregate(stages.clone()), None), Operation::Aggregate(stages));
    }

    #[test]
    fn documents_without_a_value_are_passed_over() {
        let paths = ["a", "b.c"];
        assert!(is_usable(&doc! { "a": 0, "b": { "c": false } }, &paths));
        for lacking in
            [doc! { "a": 1 }, doc! { "a": 1, "b": { "c": null } }, doc! { "a": [], "b": { "c": 1 } }]
        {
            assert!(!is_usable(&lacking, &paths), "{lacking}");
        }
    }
}
