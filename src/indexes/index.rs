//! One index: its keys and every option that MongoDB has for it, in the one form in which declared and live
//! indexes are compared.
//!
//! Servers list what they fill in (a collation's defaults, the version of a text index), declarations leave it
//! out; [`Index::normalized`] brings both to the same form. Nothing here speaks to a server.

use bson::{Bson, Document, doc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

/// The options of an index, as MongoDB names them. `None` and `false` mean that the server's default holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// No two documents may have the same key.
    #[serde(skip_serializing_if = "is_false")]
    pub unique: bool,
    /// Documents without the field are left out.
    #[serde(skip_serializing_if = "is_false")]
    pub sparse: bool,
    /// The planner does not see it.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// New duplicates are refused, old ones tolerated.
    #[serde(skip_serializing_if = "is_false")]
    pub prepare_unique: bool,
    /// Documents are deleted when the field is older than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_after_seconds: Option<i64>,
    /// Only documents that match are in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub partial_filter_expression: Option<Document>,
    /// How texts are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub collation: Option<Document>,
    /// Which fields a wildcard takes in, or leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub wildcard_projection: Option<Document>,
    /// How much each field of a text index counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub weights: Option<Document>,
    /// The language of a text index.
    #[serde(rename = "default_language", skip_serializing_if = "Option::is_none")]
    pub default_language: Option<String>,
    /// The field that names a document's language.
    #[serde(rename = "language_override", skip_serializing_if = "Option::is_none")]
    pub language_override: Option<String>,
    /// Version of a text index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_index_version: Option<i64>,
    /// Version of a 2dsphere index.
    #[serde(rename = "2dsphereIndexVersion", skip_serializing_if = "Option::is_none")]
    pub sphere_index_version: Option<i64>,
    /// Precision of a 2d index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<i64>,
    /// Lower bound of a 2d index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Upper bound of a 2d index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Settings of the storage engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub storage_engine: Option<Document>,
    /// Whether this is the key by which the collection itself is kept; listed only.
    #[serde(skip_serializing_if = "is_false")]
    pub clustered: bool,
}

fn is_false(value: &bool) -> bool {
    !value
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

    /// The form in which two indexes are compared: what the server would fill in is left out.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        let options = &mut self.options;
        options.collation = options.collation.take().and_then(normalized_collation);
        // Both are taken by the server when there is nothing else to take.
        options.default_language.take_if(|language| language == "english");
        options.language_override.take_if(|field| field == "language");
        options.bits.take_if(|bits| *bits == 26);
        options.min.take_if(|min| *min == -180.0);
        options.max.take_if(|max| *max == 180.0);
        options.text_index_version.take_if(|version| *version == 3);
        options.sphere_index_version.take_if(|version| *version >= 3);
        options.storage_engine = options.storage_engine.take().map(widened_document);
        options.storage_engine.take_if(|settings| settings.is_empty());
        options.partial_filter_expression = options.partial_filter_expression.take().map(widened_document);
        options.wildcard_projection = options.wildcard_projection.take().and_then(normalized_projection);
        if let Some(weights) = options.weights.take() {
            options.weights = normalized_weights(&weights, &self.keys);
        }
        // The server lists the fields of a text index in an order of its own.
        let first = self.keys.iter().position(|key| key.kind == Kind::Text);
        if let Some(first) = first {
            let count = self.keys[first..].iter().take_while(|key| key.kind == Kind::Text).count();
            self.keys[first..first + count].sort_by(|a, b| a.field.cmp(&b.field));
        }
        self
    }
}

impl Options {
    /// Reads options as the server and declarations name them; `None` when one is unknown or of a wrong type.
    pub fn from_document(mut document: Document) -> Option<Self> {
        // Servers before 5.0 kept whatever number or text a driver sent for a switch.
        for switch in ["unique", "sparse", "hidden", "prepareUnique", "clustered"] {
            if let Some(value) = document.get_mut(switch) {
                *value = Bson::Boolean(truth(value));
            }
        }
        for number in ["expireAfterSeconds", "bits", "textIndexVersion", "2dsphereIndexVersion"] {
            if let Some(value) = document.get_mut(number) {
                *value = Bson::Int64(whole(value)?);
            }
        }
        for number in ["min", "max"] {
            if let Some(value) = document.get_mut(number) {
                *value = Bson::Double(float(value)?);
            }
        }
        let mut options = Self::default();
        for (name, value) in document {
            options.set(&name, value)?;
        }
        Some(options)
    }

    fn set(&mut self, name: &str, value: Bson) -> Option<()> {
        match (name, value) {
            ("unique", Bson::Boolean(on)) => self.unique = on,
            ("sparse", Bson::Boolean(on)) => self.sparse = on,
            ("hidden", Bson::Boolean(on)) => self.hidden = on,
            ("prepareUnique", Bson::Boolean(on)) => self.prepare_unique = on,
            ("clustered", Bson::Boolean(on)) => self.clustered = on,
            ("expireAfterSeconds", Bson::Int64(seconds)) => self.expire_after_seconds = Some(seconds),
            ("textIndexVersion", Bson::Int64(version)) => self.text_index_version = Some(version),
            ("2dsphereIndexVersion", Bson::Int64(version)) => self.sphere_index_version = Some(version),
            ("bits", Bson::Int64(bits)) => self.bits = Some(bits),
            ("min", Bson::Double(min)) => self.min = Some(min),
            ("max", Bson::Double(max)) => self.max = Some(max),
            ("default_language", Bson::String(language)) => self.default_language = Some(language),
            ("language_override", Bson::String(field)) => self.language_override = Some(field),
            ("partialFilterExpression", Bson::Document(filter)) => {
                self.partial_filter_expression = Some(filter);
            }
            ("collation", Bson::Document(collation)) => self.collation = Some(collation),
            ("wildcardProjection", Bson::Document(fields)) => self.wildcard_projection = Some(fields),
            ("weights", Bson::Document(weights)) => self.weights = Some(weights),
            ("storageEngine", Bson::Document(settings)) => self.storage_engine = Some(settings),
            _ => return None,
        }
        Some(())
    }

    /// The options that are not the server's defaults, under the server's names.
    pub fn to_document(&self) -> Document {
        let Self {
            unique,
            sparse,
            hidden,
            prepare_unique,
            expire_after_seconds,
            partial_filter_expression,
            collation,
            wildcard_projection,
            weights,
            default_language,
            language_override,
            text_index_version,
            sphere_index_version,
            bits,
            min,
            max,
            storage_engine,
            clustered: _,
        } = self;
        let switch = |on: &bool| on.then_some(Bson::Boolean(true));
        let number = |number: &Option<i64>| number.map(bson_number);
        let document = |document: &Option<Document>| document.clone().map(Bson::Document);
        let text = |text: &Option<String>| text.clone().map(Bson::String);
        let options = [
            ("unique", switch(unique)),
            ("sparse", switch(sparse)),
            ("hidden", switch(hidden)),
            ("prepareUnique", switch(prepare_unique)),
            ("expireAfterSeconds", number(expire_after_seconds)),
            ("partialFilterExpression", document(partial_filter_expression)),
            ("collation", document(collation)),
            ("wildcardProjection", document(wildcard_projection)),
            ("weights", document(weights)),
            ("default_language", text(default_language)),
            ("language_override", text(language_override)),
            ("textIndexVersion", number(text_index_version)),
            ("2dsphereIndexVersion", number(sphere_index_version)),
            ("bits", number(bits)),
            ("min", min.map(Bson::Double)),
            ("max", max.map(Bson::Double)),
            ("storageEngine", document(storage_engine)),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// The options in which two indexes with the same keys must differ to stand side by side.
    fn identity(&self) -> (bool, bool, &Option<Document>, &Option<Document>) {
        (self.unique, self.sparse, &self.partial_filter_expression, &self.collation)
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

/// The defaults of ICU collations as the server lists them; `simple` is no collation at all.
fn normalized_collation(collation: Document) -> Option<Document> {
    if collation.get_str("locale").is_ok_and(|locale| locale == "simple") {
        return None;
    }
    let defaults = doc! {
        "caseLevel": false, "caseFirst": "off", "strength": 3_i64, "numericOrdering": false,
        "alternate": "non-ignorable", "maxVariable": "punct", "normalization": false, "backwards": false,
    };
    let says_more = |(name, value): &(String, Bson)| name != "version" && defaults.get(name) != Some(value);
    Some(widened_document(collation).into_iter().filter(says_more).collect())
}

/// A field without a weight weighs 1; weights that say no more than the keys are left out.
fn normalized_weights(weights: &Document, keys: &[Key]) -> Option<Document> {
    let weighed: Vec<(String, Bson)> = keys
        .iter()
        .filter(|key| key.kind == Kind::Text)
        .map(|key| (key.field.clone(), weights.get(&key.field).cloned().map_or(Bson::Int64(1), widened)))
        .collect();
    let says_more = weighed.iter().any(|(_, weight)| *weight != Bson::Int64(1));
    says_more.then(|| weighed.into_iter().collect())
}

/// Numbers in one width, so that 3 is 3 whoever wrote it.
fn widened(value: Bson) -> Bson {
    match value {
        Bson::Document(document) => Bson::Document(widened_document(document)),
        Bson::Array(items) => Bson::Array(items.into_iter().map(widened).collect()),
        value => whole(&value).map_or(value, Bson::Int64),
    }
}

fn widened_document(document: Document) -> Document {
    document.into_iter().map(|(name, value)| (name, widened(value))).collect()
}

/// In a projection `true` and `1` say the same.
fn normalized_projection(projection: Document) -> Option<Document> {
    let numbers = projection.into_iter().map(|(field, value)| match value {
        Bson::Boolean(on) => (field, Bson::Int64(i64::from(on))),
        value => (field, widened(value)),
    });
    Some(numbers.collect::<Document>()).filter(|projection| !projection.is_empty())
}

fn bson_number(number: i64) -> Bson {
    i32::try_from(number).map_or(Bson::Int64(number), Bson::Int32)
}

fn truth(value: &Bson) -> bool {
    !matches!(value, Bson::Boolean(false) | Bson::Null) && whole(value) != Some(0)
}

fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(n) => Some(i64::from(*n)),
        Bson::Int64(n) => Some(*n),
        Bson::Double(n) if n.fract() == 0.0 && n.abs() < 9e15 => Some(*n as i64),
        _ => None,
    }
}

fn float(value: &Bson) -> Option<f64> {
    match value {
        Bson::Double(n) => Some(*n),
        value => whole(value).map(|n| n as f64),
    }
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
