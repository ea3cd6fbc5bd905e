//! The one form of an index: what servers fill in is left out, numbers have one width.

use bson::{Bson, Document, doc};

use super::{Index, Key, Kind};

impl Index {
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

pub(super) fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(n) => Some(i64::from(*n)),
        Bson::Int64(n) => Some(*n),
        Bson::Double(n) if n.fract() == 0.0 && n.abs() < 9e15 => Some(*n as i64),
        _ => None,
    }
}
