//! MongoDB's rules for indexes, each with the words in which a refusal is told.

use std::collections::{BTreeMap, HashMap};

use bson::{Bson, Document as Bag};
use serde_json::{Map, Value};

use super::DeclaredIndex;
use super::model::{Collation, IndexFile};
use crate::config::document::escape;
use crate::config::{Diagnostic, Document, Place};
use crate::indexes::index::{ID_INDEX, Index, Key, Kind, Options, default_name};

/// Fields that one index may have.
const MAX_KEYS: usize = 32;
/// Indexes that one collection may have, the one on `_id` included.
pub const MAX_INDEXES: usize = 64;
/// Operators that a partial filter may use.
const PARTIAL_OPERATORS: [&str; 11] =
    ["$eq", "$exists", "$gt", "$gte", "$lt", "$lte", "$type", "$and", "$or", "$in", "$geoWithin"];

/// The mistakes of one declared thing.
struct Judge<'a> {
    document: &'a Document,
    pointer: &'a str,
    found: &'a mut Vec<Diagnostic>,
}

impl Judge<'_> {
    /// A mistake at a key below the thing.
    fn at(&mut self, below: &str, message: impl Into<String>) -> &mut Diagnostic {
        let place = self.document.key_place(&format!("{}{below}", self.pointer));
        self.push(Diagnostic::new(place, message))
    }

    fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.found.push(diagnostic);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    fn refuse_if(&mut self, is_wrong: bool, below: &str, message: &str) {
        if is_wrong {
            self.at(below, message);
        }
    }
}

/// MongoDB's rules for the name of a database.
pub fn database_name(document: &Document, pointer: &str, name: &str, found: &mut Vec<Diagnostic>) {
    let mut judge = Judge { document, pointer, found };
    let is_wrong = name.is_empty() || name.len() > 63 || name.contains(['/', '\\', '.', ' ', '"', '$', '\0']);
    judge.refuse_if(is_wrong, "", &format!("`{name}` is no name for a database"));
    judge.refuse_if(
        ["admin", "local", "config"].contains(&name),
        "",
        &format!("`{name}` belongs to the server: its indexes are not declared"),
    );
}

/// MongoDB's rules for the name of a collection.
pub fn collection_name(document: &Document, pointer: &str, name: &str, found: &mut Vec<Diagnostic>) {
    let mut judge = Judge { document, pointer, found };
    let is_wrong = name.is_empty() || name.len() > 255 || name.contains(['$', '\0']);
    judge.refuse_if(is_wrong, "", &format!("`{name}` is no name for a collection"));
    judge.refuse_if(
        name.starts_with("system."),
        "",
        &format!("`{name}` belongs to the server: its indexes are not declared"),
    );
}

/// One declared index, held against the rules; `None` when it cannot even be read.
pub fn index(
    document: &Document,
    pointer: &str,
    file: IndexFile,
    found: &mut Vec<Diagnostic>,
) -> Option<DeclaredIndex> {
    let mut judge = Judge { document, pointer, found };
    let keys = keys(&mut judge, &file.keys)?;
    let is_named = file.name.is_some();
    let name = file.name.clone().unwrap_or_else(|| default_name(&keys));
    let options = options(&mut judge, file)?;
    let index = Index { name, keys, options };
    rules_of_names(&mut judge, &index, is_named);
    rules_of_keys(&mut judge, &index);
    rules_of_options(&mut judge, &index);
    rules_of_text(&mut judge, &index);
    rules_of_places(&mut judge, &index);
    rules_of_wildcards(&mut judge, &index);
    if let Some(filter) = &index.options.partial_filter_expression {
        rules_of_filter(&mut judge, "/partialFilterExpression", filter);
    }
    Some(DeclaredIndex { index, is_named, place: document.place(pointer) })
}

fn keys(judge: &mut Judge<'_>, declared: &Map<String, Value>) -> Option<Vec<Key>> {
    judge.refuse_if(declared.is_empty(), "/keys", "an index needs at least one field");
    let keys = declared.iter().map(|(field, value)| {
        let kind = Bson::try_from(value.clone()).ok().and_then(|value| Kind::parse(&value));
        let is_plain = !value.is_number() || [1, -1].contains(&value.as_i64().unwrap_or_default());
        match kind.filter(|_| is_plain) {
            Some(kind) => Some(Key::new(field, kind)),
            None => {
                let message = format!("`{field}`: {value} is no kind of index");
                let help = "write 1, -1, text, 2d, 2dsphere or hashed";
                judge.at(&format!("/keys/{}", escape(field)), message).help = Some(help.to_owned());
                None
            }
        }
    });
    // All of them are looked at before the first failure ends it.
    let keys: Vec<Option<Key>> = keys.collect();
    keys.into_iter().collect::<Option<Vec<Key>>>().filter(|keys| !keys.is_empty())
}

fn options(judge: &mut Judge<'_>, file: IndexFile) -> Option<Options> {
    let IndexFile {
        keys: _,
        name: _,
        unique,
        sparse,
        hidden,
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
    } = file;
    let mut bag = |name: &str, value: Option<Map<String, Value>>| match value.map(bag).transpose() {
        Ok(bag) => Some(bag),
        Err(reason) => {
            judge.at(&format!("/{name}"), format!("`{name}`: {reason}"));
            None
        }
    };
    let (partial_filter_expression, wildcard_projection, storage_engine) = (
        bag("partialFilterExpression", partial_filter_expression),
        bag("wildcardProjection", wildcard_projection),
        bag("storageEngine", storage_engine),
    );
    Some(Options {
        unique: unique.unwrap_or_default(),
        sparse: sparse.unwrap_or_default(),
        hidden: hidden.unwrap_or_default(),
        prepare_unique: false,
        expire_after_seconds,
        partial_filter_expression: partial_filter_expression?,
        collation: collation.map(|collation| self::collation(&collation)),
        wildcard_projection: wildcard_projection?,
        weights: weights.map(weights_of),
        default_language,
        language_override,
        text_index_version,
        sphere_index_version,
        bits,
        min,
        max,
        storage_engine: storage_engine?,
        clustered: false,
    })
}

/// A JSON object as a document; Extended JSON gives dates, identifiers and the like.
pub fn bag(object: Map<String, Value>) -> Result<Bag, String> {
    match Bson::try_from(Value::Object(object)) {
        Ok(Bson::Document(bag)) => Ok(bag),
        Ok(other) => Err(format!("a document is needed, this is {other}")),
        Err(error) => Err(error.to_string()),
    }
}

/// A collation as the server takes it.
pub fn collation(collation: &Collation) -> Bag {
    // It consists of texts, numbers and switches: nothing that could fail.
    bson::serialize_to_document(collation).unwrap_or_default()
}

fn weights_of(weights: BTreeMap<String, u32>) -> Bag {
    weights.into_iter().map(|(field, weight)| (field, Bson::Int64(i64::from(weight)))).collect()
}

fn rules_of_names(judge: &mut Judge<'_>, index: &Index, is_named: bool) {
    let at = if is_named { "/name" } else { "/keys" };
    judge.refuse_if(index.name.is_empty(), at, "the name is empty");
    judge.refuse_if(index.name == "*", at, "`*` is no name: dropIndexes would take it for all indexes");
    judge.refuse_if(index.name.contains('\0'), at, "the name holds a zero byte");
    judge.refuse_if(index.name == ID_INDEX, at, "`_id_` is the name of the index on _id");
}

fn rules_of_keys(judge: &mut Judge<'_>, index: &Index) {
    let count = index.keys.len();
    judge.refuse_if(count > MAX_KEYS, "/keys", &format!("{count} fields; an index has at most {MAX_KEYS}"));
    for key in &index.keys {
        let at = format!("/keys/{}", escape(&key.field));
        let is_path = |path: &str| !path.split('.').any(|part| part.is_empty() || part.starts_with('$'));
        let plain = key.field.strip_suffix(".$**").unwrap_or(&key.field);
        let is_wrong = key.field != "$**" && !is_path(plain);
        judge.refuse_if(is_wrong, &at, &format!("`{}` is no path of a field", key.field));
    }
    let hashed = index.keys.iter().filter(|key| key.kind == Kind::Hashed).count();
    judge.refuse_if(hashed > 1, "/keys", "only one field of an index can be hashed");
    if index.is_id() {
        judge.at("/keys", "the index on _id comes with the collection").help =
            Some("leave it out; `clustered: true` notes that the collection is kept by _id".to_owned());
    }
}

fn rules_of_options(judge: &mut Judge<'_>, index: &Index) {
    let options = &index.options;
    if options.expire_after_seconds.is_some() {
        let is_wrong = index.keys.len() > 1;
        judge.refuse_if(is_wrong, "/expireAfterSeconds", "only an index on one field can expire documents");
        let is_wrong = index.keys.len() == 1 && !index.keys.iter().all(|key| key.kind.is_ordered());
        judge.refuse_if(is_wrong, "/expireAfterSeconds", "only an index with 1 or -1 can expire documents");
    }
    let is_wrong = options.hidden && index.keys.iter().any(|key| key.field == "_id") && index.keys.len() == 1;
    judge.refuse_if(is_wrong, "/hidden", "the index on _id cannot be hidden");
    let is_wrong = options.sparse && options.partial_filter_expression.is_some();
    judge.refuse_if(is_wrong, "/sparse", "an index is sparse or partial, not both");
    judge.refuse_if(options.unique && index.has(Kind::Hashed), "/unique", "a hashed index cannot be unique");
    let collates = options.collation.is_some();
    judge.refuse_if(
        collates && (index.has(Kind::Text) || index.has(Kind::Planar)),
        "/collation",
        "text and 2d indexes compare by themselves: they take no collation",
    );
}

fn rules_of_text(judge: &mut Judge<'_>, index: &Index) {
    let is_text = index.has(Kind::Text);
    let options = &index.options;
    for (name, is_set) in [
        ("weights", options.weights.is_some()),
        ("default_language", options.default_language.is_some()),
        ("language_override", options.language_override.is_some()),
        ("textIndexVersion", options.text_index_version.is_some()),
    ] {
        let message = format!("`{name}` is for text indexes");
        judge.refuse_if(is_set && !is_text, &format!("/{name}"), &message);
    }
    let kinds: Vec<bool> = index.keys.iter().map(|key| key.kind == Kind::Text).collect();
    let runs = kinds.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
    judge.refuse_if(runs > 1, "/keys", "the text fields of an index stand side by side");
    judge.refuse_if(is_text && options.unique, "/unique", "a text index cannot be unique");
    let mixes = is_text && index.keys.iter().any(|key| !key.kind.is_ordered() && key.kind != Kind::Text);
    judge.refuse_if(mixes, "/keys", "a text index has no other kinds beside 1 and -1");
    for (field, weight) in options.weights.iter().flatten() {
        let at = format!("/weights/{}", escape(field));
        let is_known = index.keys.iter().any(|key| key.field == *field && key.kind == Kind::Text);
        judge.refuse_if(is_text && !is_known, &at, &format!("`{field}` is no text field of this index"));
        let weight = weight.as_i64().unwrap_or_default();
        judge.refuse_if(!(1..100_000).contains(&weight), &at, "a weight is between 1 and 99999");
    }
}

fn rules_of_places(judge: &mut Judge<'_>, index: &Index) {
    let options = &index.options;
    let is_planar = index.has(Kind::Planar);
    for (name, is_set) in
        [("bits", options.bits.is_some()), ("min", options.min.is_some()), ("max", options.max.is_some())]
    {
        let message = format!("`{name}` is for 2d indexes");
        judge.refuse_if(is_set && !is_planar, &format!("/{name}"), &message);
    }
    let (min, max) = (options.min.unwrap_or(-180.0), options.max.unwrap_or(180.0));
    judge.refuse_if(is_planar && min >= max, "/keys", "`min` must be below `max`");
    let is_wrong = options.sphere_index_version.is_some() && !index.has(Kind::Sphere);
    judge.refuse_if(is_wrong, "/2dsphereIndexVersion", "`2dsphereIndexVersion` is for 2dsphere indexes");
    let is_wrong = is_planar && index.keys.first().is_some_and(|key| key.kind != Kind::Planar);
    judge.refuse_if(is_wrong, "/keys", "the 2d field of an index comes first");
}

fn rules_of_wildcards(judge: &mut Judge<'_>, index: &Index) {
    let wildcards: Vec<&Key> = index.keys.iter().filter(|key| key.is_wildcard()).collect();
    let options = &index.options;
    if options.wildcard_projection.is_some() {
        let is_whole = wildcards.iter().any(|key| key.field == "$**");
        judge.refuse_if(!is_whole, "/wildcardProjection", "`wildcardProjection` needs the key `$**`");
    }
    if wildcards.is_empty() {
        return;
    }
    judge.refuse_if(wildcards.len() > 1, "/keys", "an index has at most one wildcard");
    judge.refuse_if(options.unique, "/unique", "a wildcard index cannot be unique");
    let expires = options.expire_after_seconds.is_some();
    judge.refuse_if(expires, "/expireAfterSeconds", "a wildcard index cannot expire documents");
    judge.refuse_if(options.sparse, "/sparse", "a wildcard index is sparse by itself");
    let is_odd = wildcards.iter().any(|key| !key.kind.is_ordered() && key.kind != Kind::Text);
    judge.refuse_if(is_odd, "/keys", "a wildcard is 1, -1 or text");
}

fn rules_of_filter(judge: &mut Judge<'_>, at: &str, filter: &Bag) {
    for (name, value) in filter {
        let is_wrong = name.starts_with('$') && !PARTIAL_OPERATORS.contains(&name.as_str());
        if is_wrong {
            let message = format!("a partial filter cannot use `{name}`");
            let help = format!("it knows {}", PARTIAL_OPERATORS.join(", "));
            judge.at(at, message).help = Some(help);
        }
        let is_wrong = name == "$exists" && !matches!(value, Bson::Boolean(true) | Bson::Int32(1));
        judge.refuse_if(is_wrong, at, "a partial filter knows `$exists: true` only");
        for filter in nested(value) {
            rules_of_filter(judge, at, filter);
        }
    }
}

fn nested(value: &Bson) -> Vec<&Bag> {
    match value {
        Bson::Document(bag) => vec![bag],
        Bson::Array(items) => items.iter().flat_map(nested).collect(),
        _ => Vec::new(),
    }
}

/// The rules for the indexes of one collection together.
pub fn together(
    document: &Document,
    pointer: &str,
    indexes: &[DeclaredIndex],
    absent: &[String],
    found: &mut Vec<Diagnostic>,
) {
    let mut judge = Judge { document, pointer, found };
    let mut names: HashMap<&str, Place> = HashMap::new();
    for (number, declared) in indexes.iter().enumerate() {
        let DeclaredIndex { index, place, .. } = declared;
        if let Some(first) = names.insert(&index.name, *place) {
            let message = format!("the name `{}` is taken by the index of line {}", index.name, first.line);
            judge.push(Diagnostic::new(*place, message)).help = Some("give one of them a `name`".to_owned());
        }
        for (before, other) in indexes[..number].iter().enumerate() {
            if !index.can_stand_beside(&other.index) {
                judge.push(twice(declared, other, before + 1));
            }
        }
    }
    let count = indexes.len() + 1;
    let message = format!("{count} indexes with the one on _id; a collection has at most {MAX_INDEXES}");
    judge.refuse_if(count > MAX_INDEXES, "/indexes", &message);
    for (number, name) in absent.iter().enumerate() {
        let at = format!("/absent/{number}");
        let place = document.place(&format!("{pointer}{at}"));
        if let Some(declared) = names.get(name.as_str()) {
            let message = format!("`{name}` must go, and is declared in line {}", declared.line);
            judge.push(Diagnostic::new(place, message));
        }
        if name == ID_INDEX {
            judge.push(Diagnostic::new(place, "the index on _id cannot go"));
        }
    }
}

fn twice(declared: &DeclaredIndex, other: &DeclaredIndex, number: usize) -> Diagnostic {
    let line = other.place.line;
    let message = if declared.index.has(Kind::Text) && other.index.has(Kind::Text) {
        format!("a collection has at most one text index; the other is in line {line}")
    } else {
        format!("index {number}, in line {line}, has the same keys")
    };
    let help = "two indexes with the same keys must differ in unique, sparse, partial filter or collation";
    Diagnostic::new(declared.place, message).with_help(help)
}
