//! The index that a field declares about itself: `index`, `unique`, `sparse`, `text`, `expires`, in the order in
//! which they are written, as Mongoose takes them.

use bson::{Bson, Document};

use super::duration::seconds;
use super::value::is_truthy;
use crate::indexes::index::{Key, Kind, Options};

/// What a field has said so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldIndex {
    /// `index: false`
    is_off: bool,
    /// The index, if there is one.
    pub declared: Option<Declared>,
}

/// An index of one field.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    /// How the field takes part; `1` when nothing is said.
    pub kind: Option<Kind>,
    /// Its options.
    pub options: Document,
}

impl FieldIndex {
    /// Whether Mongoose knows a word as one that is about an index.
    pub fn is_word(word: &str) -> bool {
        ["index", "unique", "sparse", "text", "expires"].contains(&word)
    }

    /// Takes in `word: value`.
    pub fn take(&mut self, word: &str, value: &Bson) -> Result<(), String> {
        // `unique: [true, 'message']`
        let value = match value {
            Bson::Array(items) => items.first().unwrap_or(&Bson::Undefined),
            value => value,
        };
        match (word, value) {
            (_, Bson::Undefined) => Ok(()),
            ("index", value) => self.index(value),
            ("expires", when) => {
                let seconds = expiry(when)?;
                self.declared.get_or_insert_default().options.insert("expireAfterSeconds", seconds);
                Ok(())
            }
            (word, value) => self.switch(word, is_truthy(value)),
        }
    }

    fn index(&mut self, value: &Bson) -> Result<(), String> {
        if self.declared.is_some() {
            return match value {
                Bson::Boolean(false) => {
                    Err("`index: false` beside `unique` or `sparse`: Mongoose refuses it".to_owned())
                }
                _ => Ok(()),
            };
        }
        let plain = |kind| Some(Declared { kind, options: Document::new() });
        self.is_off = *value == Bson::Boolean(false);
        self.declared = match value {
            // `0` and the like are no index, and do not forbid one as `false` does.
            value if !is_truthy(value) => None,
            Bson::Document(declared) => Some(declared_index(declared.clone())?),
            Bson::String(word) => plain(Some(kind_of(word))),
            number => plain(Kind::parse(number)),
        };
        Ok(())
    }

    fn switch(&mut self, word: &str, on: bool) -> Result<(), String> {
        match (self.is_off, on) {
            (true, true) => return Err(format!("`index: false` beside `{word}`: Mongoose refuses it")),
            (_, false) if self.declared.is_none() => return Ok(()),
            _ => {}
        }
        let declared = self.declared.get_or_insert_default();
        match (word, on) {
            ("text", true) => declared.kind = Some(Kind::Text),
            ("text", false) => {}
            (word, on) => {
                declared.options.insert(word, on);
            }
        }
        Ok(())
    }
}

/// `index: { type: 'text', unique: true, expires: '1h' }`
fn declared_index(mut declared: Document) -> Result<Declared, String> {
    let word = declared.remove("type");
    let is_text = declared.remove("text").is_some_and(|on| is_truthy(&on));
    let kind = match word.as_ref().and_then(Bson::as_str).map(kind_of) {
        Some(kind) if !kind.is_ordered() => Some(kind),
        _ => is_text.then_some(Kind::Text),
    };
    if let Some(when) = declared.remove("expires") {
        declared.insert("expireAfterSeconds", expiry(&when)?);
    }
    Ok(Declared { kind, options: declared })
}

fn kind_of(word: &str) -> Kind {
    match word {
        "-1" | "desc" | "descending" => Kind::Descending,
        word => match Kind::parse(&Bson::String(word.to_owned())) {
            Some(kind) => kind,
            None => Kind::Ascending,
        },
    }
}

/// `expires: 60` in seconds, or a length of time as a text.
pub fn expiry(when: &Bson) -> Result<Bson, String> {
    match when {
        Bson::String(text) => {
            seconds(text).map(Bson::Int64).ok_or_else(|| format!("`expires: {text:?}` is no length of time"))
        }
        Bson::Int32(_) | Bson::Int64(_) => Ok(when.clone()),
        Bson::Double(number) => Ok(Bson::Int64(number.round() as i64)),
        _ => Err("`expires` is neither a number nor a length of time".to_owned()),
    }
}

/// Reads the fields of `schema.index({...})`.
pub fn keys_of(fields: &Document) -> Result<Vec<Key>, String> {
    let keys = fields.iter().map(|(field, value)| {
        let kind = match value {
            Bson::String(word) if ["asc", "ascending"].contains(&word.as_str()) => Some(Kind::Ascending),
            Bson::String(word) if ["desc", "descending"].contains(&word.as_str()) => Some(Kind::Descending),
            value => Kind::parse(value),
        };
        let kind = kind.ok_or_else(|| format!("`{field}: {value}` is no kind of index"))?;
        Ok(Key::new(field, kind))
    });
    keys.collect()
}

/// Reads options as Mongoose takes them; the name apart, if one is given.
pub fn options_of(mut declared: Document) -> Result<(Option<String>, Options), String> {
    // Servers since 4.2 build all indexes in one way, and have never kept duplicates out by dropping documents.
    for obsolete in ["background", "dropDups", "_autoIndex", "v"] {
        declared.remove(obsolete);
    }
    if let Some(when) = declared.remove("expires") {
        declared.insert("expireAfterSeconds", expiry(&when)?);
    }
    let name = match declared.remove("name") {
        Some(Bson::String(name)) => Some(name),
        _ => None,
    };
    let declared: Document =
        declared.into_iter().filter(|(_, value)| !matches!(value, Bson::Undefined | Bson::Null)).collect();
    match Options::from_document(declared.clone()) {
        Some(options) => Ok((name, options)),
        None => {
            let alone = |(name, value): &(String, Bson)| {
                Options::from_document([(name.clone(), value.clone())].into_iter().collect()).is_none()
            };
            let odd = declared.into_iter().find(alone).map(|(name, value)| format!("`{name}: {value}`"));
            Err(format!("the option {} is not known", odd.unwrap_or_default()))
        }
    }
}
