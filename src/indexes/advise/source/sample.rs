//! A sample of documents: how many values a field has, and which fields are arrays. Only numbers are kept.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;

use crate::digest;
use crate::indexes::index::shown_value;
use crate::indexes::live::Deployment;
use crate::indexes::number::truncated;

/// Documents that are looked at: few enough for the server to pick them at random.
pub const SIZE: i32 = 1_000;
/// How long picking them may take.
const MAX_MILLIS: i32 = 10_000;

/// What a sample of a collection says of its fields.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Documents that were looked at.
    pub documents: usize,
    distinct: BTreeMap<String, usize>,
    arrays: BTreeMap<String, String>,
}

impl Sample {
    /// Looks at some documents of a collection.
    pub async fn take(
        deployment: &Deployment,
        database: &str,
        collection: &str,
        fields: &BTreeSet<String>,
    ) -> mongodb::error::Result<Self> {
        // A path cannot be asked for together with one that leads to it.
        let wanted = fields.iter().filter(|field| !fields.iter().any(|other| is_below(field, other)));
        let projection: Document = wanted.map(|field| (field.clone(), Bson::Int32(1))).collect();
        let command = doc! {
            "aggregate": collection,
            "pipeline": [{ "$sample": { "size": SIZE } }, { "$project": projection }],
            "cursor": {}, "maxTimeMS": MAX_MILLIS,
        };
        let cursor = deployment.database(database).run_cursor_command(command).await?;
        let documents: Vec<Document> = cursor.try_collect().await?;
        Ok(Self::of(&documents, fields))
    }

    /// What these documents say.
    pub fn of(documents: &[Document], fields: &BTreeSet<String>) -> Self {
        let mut sample = Self { documents: documents.len(), ..Self::default() };
        for field in fields {
            let mut values = HashSet::new();
            for document in documents {
                let (value, array) = value_at(document, field);
                values.insert(digest::sha256(value.map(shown_value).unwrap_or_default().as_bytes()));
                if let Some(array) = array {
                    sample.arrays.insert(field.clone(), array);
                }
            }
            sample.distinct.insert(field.clone(), values.len());
        }
        sample
    }

    /// How many values of a field were seen.
    pub fn distinct(&self, field: &str) -> usize {
        self.distinct.get(field).copied().unwrap_or_default()
    }

    /// The part of a field's path that is an array in some document.
    pub fn array(&self, field: &str) -> Option<&str> {
        self.arrays.get(field).map(String::as_str)
    }
}

/// How many documents a collection has, by the server's own count.
pub async fn size(deployment: &Deployment, database: &str, collection: &str) -> Option<u64> {
    let answer = deployment.database(database).run_command(doc! { "count": collection }).await.ok()?;
    answer.get("n").and_then(truncated).and_then(|count| u64::try_from(count).ok())
}

fn is_below(field: &str, other: &str) -> bool {
    field.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'))
}

/// The value at a path, as far as it can be followed, and the part of the path that is an array.
fn value_at<'d>(document: &'d Document, path: &str) -> (Option<&'d Bson>, Option<String>) {
    let (mut here, mut walked) = (document, String::new());
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        walked = if walked.is_empty() { part.to_owned() } else { format!("{walked}.{part}") };
        match here.get(part) {
            Some(array @ Bson::Array(_)) => return (Some(array), Some(walked)),
            Some(Bson::Document(below)) if parts.peek().is_some() => here = below,
            value => return (value.filter(|_| parts.peek().is_none()), None),
        }
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::Sample;

    #[test]
    fn values_are_counted_and_arrays_found() {
        let documents = [
            doc! { "a": 1, "b": { "c": [1, 2] }, "d": "x" },
            doc! { "a": 2, "b": { "c": 5 }, "d": "x" },
            doc! { "a": 2, "items": [{ "n": 1 }] },
        ];
        let fields = ["a", "b.c", "d", "items.n"].map(str::to_owned).into();
        let sample = Sample::of(&documents, &fields);
        assert_eq!(["a", "b.c", "d"].map(|field| sample.distinct(field)), [2, 3, 2]);
        assert_eq!(
            ["a", "b.c", "items.n"].map(|field| sample.array(field)),
            [None, Some("b.c"), Some("items")]
        );
    }
}
