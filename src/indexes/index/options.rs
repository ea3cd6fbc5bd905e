//! The options of an index, under the names that MongoDB gives them.

use bson::{Bson, Document};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::normal::whole;

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
    pub(super) fn identity(&self) -> (bool, bool, &Option<Document>, &Option<Document>) {
        (self.unique, self.sparse, &self.partial_filter_expression, &self.collation)
    }
}

fn bson_number(number: i64) -> Bson {
    i32::try_from(number).map_or(Bson::Int64(number), Bson::Int32)
}

fn truth(value: &Bson) -> bool {
    !matches!(value, Bson::Boolean(false) | Bson::Null) && whole(value) != Some(0)
}

fn float(value: &Bson) -> Option<f64> {
    match value {
        Bson::Double(n) => Some(*n),
        value => whole(value).map(|n| n as f64),
    }
}
