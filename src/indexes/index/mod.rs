//! One index: its keys and every option that MongoDB has for it, in the one form in which declared and live
//! indexes are compared.
//!
//! Servers list what they fill in (a collation's defaults, the version of a text index), declarations leave it
//! out; [`Index::normalized`] brings both to the same form. Nothing here speaks to a server.

mod normal;
mod options;

use bson::{Bson, Document, doc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::options::Options;
use crate::digest;

/// The index that every collection has.
pub const ID_INDEX: &str = "_id_";

/// What stands between a declared name and the hash, in the name of an index that replaces another.
const REPLACEMENT: &str = "_r";
/// How many digits of the hash are in such a name.
const HASH_LENGTH: usize = 8;

/// How one field takes part in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `1`
    Ascending,
    /// `-1`
    Descending,
    /// `"text"`
    Text,
    /// `"2d"`
    #[serde(rename = "2d")]
    Planar,
    /// `"2dsphere"`
    #[serde(rename = "2dsphere")]
    Sphere,
    /// `"hashed"`
    Hashed,
}

impl Kind {
    /// The value that stands in a key document.
    pub fn to_bson(self) -> Bson {
        match self {
            Self::Ascending => Bson::Int32(1),
            Self::Descending => Bson::Int32(-1),
            word => Bson::String(word.word().to_owned()),
        }
    }

    /// As it is written in index names and plans.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ascending => "1",
            Self::Descending => "-1",
            Self::Text => "text",
            Self::Planar => "2d",
            Self::Sphere => "2dsphere",
            Self::Hashed => "hashed",
        }
    }

    /// What a key document says; any number counts by its sign, as the server takes it.
    pub fn parse(value: &Bson) -> Option<Self> {
        let by_sign = |positive: bool| if positive { Self::Ascending } else { Self::Descending };
        match value {
            Bson::Int32(n) if *n != 0 => Some(by_sign(*n > 0)),
            Bson::Int64(n) if *n != 0 => Some(by_sign(*n > 0)),
            Bson::Double(n) if *n != 0.0 => Some(by_sign(*n > 0.0)),
            Bson::String(word) => match word.as_str() {
                "text" => Some(Self::Text),
                "2d" => Some(Self::Planar),
                "2dsphere" => Some(Self::Sphere),
                "hashed" => Some(Self::Hashed),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the field is kept in order, so that it serves equality, ranges and sorts.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Ascending | Self::Descending)
    }
}

/// One field of an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// Its path: `a.b`, `$**`, `a.$**`.
    pub field: String,
    /// How it takes part.
    pub kind: Kind,
}

impl Key {
    /// A field and how it takes part.
    pub fn new(field: impl Into<String>, kind: Kind) -> Self {
        Self { field: field.into(), kind }
    }

    /// Whether it stands for all fields below a path.
    pub fn is_wildcard(&self) -> bool {
        self.field == "$**" || self.field.ends_with(".$**")
    }
}

/// One index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// Its name, unique in its collection.
    pub name: String,
    /// Its fields in their order.
    pub keys: Vec<Key>,
    /// Its options.
    #[serde(default)]
    pub options: Options,
}

/// Why what a server lists is no index that this version knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server lists an index in a form that is not understood: {0}")]
pub struct UnknownForm(pub String);

impl Index {
    /// An index with these keys, the server's defaults and MongoDB's name for it.
    pub fn new(keys: Vec<Key>) -> Self {
        Self { name: default_name(&keys), keys, options: Options::default() }
    }

    /// Reads what `listIndexes` says of one index.
    pub fn from_listing(listed: &Document) -> Result<Self, UnknownForm> {
        let unknown = || UnknownForm(shown(listed));
        let name = listed.get_str("name").map_err(|_| unknown())?.to_owned();
        let key = listed.get_document("key").map_err(|_| unknown())?;
        let mut options = listed.clone();
        for known in ["v", "key", "name", "ns", "background"] {
            options.remove(known);
        }
        let options = Options::from_document(options).ok_or_else(unknown)?;
        let keys = listed_keys(key, options.weights.as_ref()).ok_or_else(unknown)?;
        Ok(Self { name, keys, options }.normalized())
    }

    /// What `createIndexes` takes.
    pub fn to_command(&self) -> Document {
        let mut command = doc! { "key": self.key_document(), "name": &self.name };
        command.extend(self.options.to_document());
        command
    }

    /// The keys as `createIndexes`, `collMod` and hints write them.
    pub fn key_document(&self) -> Document {
        self.keys.iter().map(|key| (key.field.clone(), key.kind.to_bson())).collect()
    }

    /// The keys as `{a: 1, b: -1}`.
    pub fn shown_keys(&self) -> String {
        let keys: Vec<String> =
            self.keys.iter().map(|key| format!("{}: {}", key.field, key.kind.word())).collect();
        format!("{{{}}}", keys.join(", "))
    }

    /// The options that are not the server's defaults, as `unique, expireAfterSeconds: 60`.
    pub fn shown_options(&self) -> String {
        let shown = self.options.to_document().into_iter().map(|(name, value)| match value {
            Bson::Boolean(true) => name,
            value => format!("{name}: {}", shown_value(&value)),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The name under which it is built while another index has the declared one: that name and the beginning
    /// of the hash of its definition, so that whoever resumes finds the same name.
    pub fn replacement_name(&self) -> String {
        let Self { name: _, keys, options } = self.clone().normalized();
        let hash = digest::sha256(format!("{keys:?} {options:?}").as_bytes());
        format!("{}{REPLACEMENT}{}", self.name, &hash[..HASH_LENGTH])
    }

    /// The same under another name.
    #[must_use]
    pub fn named(&self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// Whether this is the index on `_id` that comes with the collection.
    pub fn is_id(&self) -> bool {
        self.name == ID_INDEX
            || matches!(&self.keys[..], [key] if key.field == "_id" && key.kind.is_ordered())
    }

    /// Whether any field is of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.keys.iter().any(|key| key.kind == kind)
    }

    /// Whether the two are the same but for their names.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let (one, other) = (self.clone().normalized(), other.clone().normalized());
        one.keys == other.keys && one.options == other.options
    }

    /// Whether a server would let both stand side by side: their keys differ, or an option that is part of an
    /// index's identity does (MongoDB 5.0: collation, partialFilterExpression, sparse, unique).
    pub fn can_stand_beside(&self, other: &Self) -> bool {
        let (one, other) = (self.clone().normalized(), other.clone().normalized());
        if one.has(Kind::Text) && other.has(Kind::Text) {
            return false;
        }
        one.keys != other.keys || one.options.identity() != other.options.identity()
    }
}

/// MongoDB's own name for an index with these keys: `a_1_b_-1`.
pub fn default_name(keys: &[Key]) -> String {
    let parts = keys.iter().map(|key| format!("{}_{}", key.field, key.kind.word()));
    parts.collect::<Vec<_>>().join("_")
}

/// Whether `name` is `declared`, or that of an index which replaced one of that name.
pub fn is_name_of(declared: &str, name: &str) -> bool {
    let rest = name.strip_prefix(declared);
    let is_hash = |hash: &str| hash.len() == HASH_LENGTH && hash.bytes().all(|b| b.is_ascii_hexdigit());
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(REPLACEMENT).is_some_and(is_hash))
}

/// A document as one line of relaxed Extended JSON.
pub fn shown(document: &Document) -> String {
    shown_value(&Bson::Document(document.clone()))
}

/// A value as relaxed Extended JSON.
pub fn shown_value(value: &Bson) -> String {
    value.clone().into_relaxed_extjson().to_string()
}

/// A text index is listed as `{_fts: "text", _ftsx: 1}`; its fields are those that have weights.
fn listed_keys(key: &Document, weights: Option<&Document>) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    for (field, value) in key {
        match field.as_str() {
            "_fts" => keys.extend(weights?.keys().map(|field| Key::new(field, Kind::Text))),
            "_ftsx" => {}
            _ => keys.push(Key::new(field, Kind::parse(value)?)),
        }
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::{Index, Key, Kind, Options};

    fn listed(document: &bson::Document) -> Index {
        Index::from_listing(document).unwrap()
    }

    #[test]
    fn what_the_server_fills_in_makes_no_difference() {
        let declared = Index {
            name: "name_1".to_owned(),
            keys: vec![Key::new("name", Kind::Ascending)],
            options: Options {
                collation: Some(doc! { "locale": "en", "strength": 2 }),
                partial_filter_expression: Some(doc! { "age": { "$gt": 5_i64 } }),
                ..Options::default()
            },
        };
        let live = listed(&doc! {
            "v": 2, "key": { "name": 1.0 }, "name": "name_1", "unique": false,
            "partialFilterExpression": { "age": { "$gt": 5.0 } },
            "collation": {
                "locale": "en", "caseLevel": false, "caseFirst": "off", "strength": 2,
                "numericOrdering": false, "alternate": "non-ignorable", "maxVariable": "punct",
                "normalization": false, "backwards": false, "version": "57.1",
            },
        });
        assert!(declared.is_same_as(&live), "{live:?}");
        let other = listed(&doc! { "v": 2, "key": { "name": 1 }, "name": "name_1" });
        assert!(!declared.is_same_as(&other));
    }

    #[test]
    fn a_text_index_is_read_from_its_weights() {
        let live = listed(&doc! {
            "v": 2, "key": { "a": 1, "_fts": "text", "_ftsx": 1, "z": -1 }, "name": "t",
            "weights": { "body": 1, "title": 10 }, "default_language": "english",
            "language_override": "language", "textIndexVersion": 3,
        });
        assert_eq!(live.shown_keys(), "{a: 1, body: text, title: text, z: -1}");
        assert_eq!(live.shown_options(), r#"weights: {"body":1,"title":10}"#);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let odd = doc! { "v": 2, "key": { "a": "columnstore" }, "name": "odd" };
        assert!(Index::from_listing(&odd).is_err());
        let newer = doc! { "v": 2, "key": { "a": 1 }, "name": "newer", "fromTheFuture": true };
        assert!(Index::from_listing(&newer).is_err());
    }

    #[test]
    fn indexes_with_the_same_keys_stand_side_by_side_when_their_identity_differs() {
        let plain = Index::new(vec![Key::new("a", Kind::Ascending)]);
        let with = |options: Options| Index { options, ..plain.clone() };
        assert!(plain.can_stand_beside(&with(Options { sparse: true, ..Options::default() })));
        assert!(plain.can_stand_beside(&with(Options { unique: true, ..Options::default() })));
        assert!(!plain.can_stand_beside(&with(Options { hidden: true, ..Options::default() })));
        let expiring = Options { expire_after_seconds: Some(60), ..Options::default() };
        assert!(!plain.can_stand_beside(&with(expiring)));
    }

    #[test]
    fn a_command_reads_back_as_the_same_index() {
        let index = Index {
            name: "place".to_owned(),
            keys: vec![Key::new("at", Kind::Planar), Key::new("b", Kind::Descending)],
            options: Options { bits: Some(20), min: Some(-10.0), sparse: true, ..Options::default() },
        };
        let command = index.to_command();
        assert_eq!(
            command,
            doc! {
                "key": { "at": "2d", "b": -1 }, "name": "place", "sparse": true, "bits": 20, "min": -10.0,
            }
        );
        assert!(listed(&command).is_same_as(&index));
    }
}
