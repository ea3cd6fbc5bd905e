//! The specification file as people write it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::duration::Span;

/// A specification: which indexes each collection has, and which queries they must serve.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpecFile {
    /// The databases by name.
    pub databases: BTreeMap<String, DatabaseFile>,
    /// How long an index stays hidden before it is dropped.
    pub soak: Option<Span>,
    /// How many members must have built an index before it is committed: `votingMembers`, `majority`, a number
    /// of members, or the name of a tag.
    pub commit_quorum: Option<Quorum>,
}

/// How many members must have built an index before it is committed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Quorum {
    /// So many.
    Members(#[schemars(range(min = 1, max = 50))] u8),
    /// `votingMembers`, `majority`, or the name of a replica set tag.
    Word(String),
}

/// One database.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseFile {
    /// What becomes of indexes that the specification does not name; `report` when nothing is said.
    pub unmanaged: Option<Unmanaged>,
    /// The collections by name.
    pub collections: BTreeMap<String, CollectionFile>,
}

/// What becomes of indexes that the specification does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unmanaged {
    /// They stay, and nothing is said of them.
    Keep,
    /// They stay, and are named.
    #[default]
    Report,
    /// They are hidden from the planner; nothing is dropped.
    Hide,
}

/// One collection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CollectionFile {
    /// Instead of the database's.
    pub unmanaged: Option<Unmanaged>,
    /// Whether the collection is kept by `_id` itself (a clustered collection); checked, never changed.
    pub clustered: Option<bool>,
    /// Its indexes; the one on `_id` goes without saying.
    #[serde(default)]
    pub indexes: Vec<IndexFile>,
    /// Names of indexes that must go: hidden first, dropped after the soak.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The queries that the indexes must serve.
    #[serde(default)]
    pub queries: Vec<QueryFile>,
}

/// One index, with MongoDB's names for its options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IndexFile {
    /// Its fields in their order, each with `1`, `-1`, `text`, `2d`, `2dsphere` or `hashed`.
    pub keys: Map<String, Value>,
    /// Its name; MongoDB's own (`a_1_b_-1`) when nothing is said.
    pub name: Option<String>,
    /// No two documents may have the same key.
    pub unique: Option<bool>,
    /// Documents without the field are left out.
    pub sparse: Option<bool>,
    /// The planner does not see it.
    pub hidden: Option<bool>,
    /// Documents are deleted when the field is older than so many seconds.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub expire_after_seconds: Option<i64>,
    /// Only documents that match are in the index.
    pub partial_filter_expression: Option<Map<String, Value>>,
    /// How texts are compared.
    pub collation: Option<Collation>,
    /// Which fields a wildcard takes in (`1`) or leaves out (`0`).
    pub wildcard_projection: Option<Map<String, Value>>,
    /// How much each field of a text index counts.
    pub weights: Option<BTreeMap<String, u32>>,
    /// The language of a text index.
    #[serde(rename = "default_language")]
    pub default_language: Option<String>,
    /// The field that names a document's language.
    #[serde(rename = "language_override")]
    pub language_override: Option<String>,
    /// Version of a text index.
    #[schemars(range(min = 1, max = 3))]
    pub text_index_version: Option<i64>,
    /// Version of a 2dsphere index.
    #[serde(rename = "2dsphereIndexVersion")]
    #[schemars(range(min = 1, max = 4))]
    pub sphere_index_version: Option<i64>,
    /// Precision of a 2d index.
    #[schemars(range(min = 1, max = 32))]
    pub bits: Option<i64>,
    /// Lower bound of a 2d index.
    pub min: Option<f64>,
    /// Upper bound of a 2d index.
    pub max: Option<f64>,
    /// Settings of the storage engine.
    pub storage_engine: Option<Map<String, Value>>,
}

/// A collation, with MongoDB's names.
#[derive(Debug, Clone, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Collation {
    /// The ICU locale: `en`, `de@collation=phonebook`, `simple`.
    pub locale: String,
    /// 1 base letters, 2 accents too, 3 case too, 4 punctuation too, 5 everything.
    #[schemars(range(min = 1, max = 5))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<i64>,
    /// Whether case counts at strength 1 and 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_level: Option<bool>,
    /// `upper`, `lower` or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_first: Option<String>,
    /// Whether digits compare as numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numeric_ordering: Option<bool>,
    /// `non-ignorable` or `shifted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate: Option<String>,
    /// `punct` or `space`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_variable: Option<String>,
    /// Whether texts are brought to Unicode's normal form first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalization: Option<bool>,
    /// Whether accents are compared from the end (French).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backwards: Option<bool>,
}

/// A query that an index must serve: one of `find`, `aggregate`, `count`, `distinct`, `update`, `delete`.
///
/// Wherever a filter has a value, `{$sample: path}` takes the value at that path from a document of the
/// collection; all samples of one query come from the same document. Other values are Extended JSON.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueryFile {
    /// What the query is for.
    pub name: String,
    /// A find.
    pub find: Option<FindFile>,
    /// The stages of an aggregation.
    pub aggregate: Option<Vec<Map<String, Value>>>,
    /// The filter of a count.
    pub count: Option<Map<String, Value>>,
    /// A distinct.
    pub distinct: Option<DistinctFile>,
    /// The filter of updates.
    pub update: Option<Map<String, Value>>,
    /// The filter of deletes.
    pub delete: Option<Map<String, Value>>,
    /// The collation of the query.
    pub collation: Option<Collation>,
    /// The name of the index that must serve it; any may when nothing is said.
    pub index: Option<String>,
    /// Keys that may be examined for each document returned; 2 when nothing is said.
    #[schemars(range(min = 0.0))]
    pub keys_per_returned: Option<f64>,
    /// Documents that may be examined for each document returned; 2 when nothing is said.
    #[schemars(range(min = 0.0))]
    pub docs_per_returned: Option<f64>,
    /// How many sampled documents the query is tried with; 3 when nothing is said.
    #[schemars(range(min = 1, max = 100))]
    pub samples: Option<u8>,
    /// Whether the result may be sorted in memory.
    #[serde(default)]
    pub allow_sort: bool,
}

/// A find.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FindFile {
    /// What is looked for.
    #[serde(default)]
    pub filter: Map<String, Value>,
    /// In which order.
    pub sort: Option<Map<String, Value>>,
    /// Which fields.
    pub projection: Option<Map<String, Value>>,
    /// How many at most.
    #[schemars(range(min = 1))]
    pub limit: Option<i64>,
    /// How many are passed over.
    #[schemars(range(min = 0))]
    pub skip: Option<i64>,
}

/// A distinct.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DistinctFile {
    /// The field whose values are wanted.
    pub key: String,
    /// Of which documents.
    #[serde(default)]
    pub filter: Map<String, Value>,
}
