//! `migrate indexes import`: a specification from what is there, a live server or Mongoose's models.
//!
//! [`live`] and [`mongoose`] find indexes and give one [`ImportReport`]; [`render`] writes it as a specification,
//! and holds what it wrote against the rules by which specifications are read.

pub mod live;
pub mod mongoose;
#[cfg(test)]
mod properties;
pub mod render;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::index::{Index, shown_value};

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Where it was looked for.
    pub source: String,
    /// The database that the specification is for.
    pub database: String,
    /// The collections, by name.
    pub collections: Vec<ImportedCollection>,
    /// What a reader should know, in the order of the files.
    pub notes: Vec<ImportNote>,
}

/// What was found of one collection.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedCollection {
    /// Its name.
    pub name: String,
    /// The models whose documents it holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Whether it is kept by `_id` itself.
    pub clustered: bool,
    /// Its indexes, without the one on `_id`.
    pub indexes: Vec<ImportedIndex>,
}

/// One index that was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedIndex {
    /// Its name.
    pub name: String,
    /// Whether the name was given; otherwise it is MongoDB's own for these keys.
    pub named: bool,
    /// Its fields in their order.
    pub keys: Map<String, Value>,
    /// Its options that are not the server's defaults, as Extended JSON.
    pub options: Map<String, Value>,
    /// Where it is declared.
    #[serde(flatten)]
    pub place: Option<SourcePlace>,
    /// The index itself.
    #[serde(skip)]
    pub index: Index,
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourcePlace {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// What a reader should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportNote {
    /// Where.
    #[serde(flatten)]
    pub place: Option<SourcePlace>,
    /// Of which kind.
    pub kind: NoteKind,
    /// What.
    pub message: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Something could not be followed: indexes may be missing.
    NotFollowed,
    /// An index was found and is not in the specification.
    LeftOut,
    /// An index was declared twice, and is there once.
    Merged,
    /// Good to know.
    Remark,
}

impl ImportReport {
    /// Whether all that was looked at is in the specification.
    pub fn is_complete(&self) -> bool {
        !self.notes.iter().any(ImportNote::is_loss)
    }

    /// How many indexes there are.
    pub fn index_count(&self) -> usize {
        self.collections.iter().map(|collection| collection.indexes.len()).sum()
    }
}

impl ImportNote {
    /// A note on no place of a file.
    pub fn unplaced(kind: NoteKind, message: impl Into<String>) -> Self {
        Self { place: None, kind, message: message.into() }
    }

    /// Whether something may be missing.
    pub fn is_loss(&self) -> bool {
        matches!(self.kind, NoteKind::NotFollowed | NoteKind::LeftOut)
    }

    /// As one line: `models/user.js:3:5: …`.
    pub fn line(&self) -> String {
        match &self.place {
            Some(SourcePlace { file, line, column }) => format!("{file}:{line}:{column}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl ImportedIndex {
    /// An index that was found; `named` tells whether its name was given.
    pub fn new(index: Index, named: bool, place: Option<SourcePlace>) -> Self {
        let json = |document: bson::Document| match bson::Bson::Document(document).into_relaxed_extjson() {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let (keys, options) = (json(index.key_document()), json(index.options.to_document()));
        Self { name: index.name.clone(), named, keys, options, place, index }
    }

    /// The index in a few words, as messages name it.
    pub fn shown(&self) -> String {
        let options = self.index.shown_options();
        let keys = self.index.shown_keys();
        if options.is_empty() { keys } else { format!("{keys} ({options})") }
    }
}

/// Extended JSON of a value, for messages.
fn shown_name(name: &str) -> String {
    shown_value(&bson::Bson::String(name.to_owned()))
}
