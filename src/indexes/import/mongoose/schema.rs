//! The indexes of one schema: those that its fields declare, those of the schemas inside it, and those that are
//! given to `schema.index`. In the order in which Mongoose lists them.

use std::collections::HashMap;

use bson::{Bson, Document};

use super::field::{Declared, keys_of, options_of};
use super::paths::{Inner, PathDeclaration, PathReader, Shape};
use super::reader::Reader;
use super::resolve::Located;
use super::syntax::{Action, Item};
use super::value::{Unfollowed, evaluate};
use crate::indexes::index::{Index, Key, Kind, default_name};

/// Where a schema is made: the number of the file, and the byte.
pub type SchemaId = (usize, u32);

/// Paths that the schemas of one model may have together: a few schemas inside one another could make millions.
const MAX_PATHS: usize = 5_000;

/// An index as a schema declares it.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The index.
    pub index: Index,
    /// Whether its name was given.
    pub named: bool,
    /// The number of the file.
    pub file: usize,
    /// Where it stands there, in bytes.
    pub at: u32,
}

/// Collects the indexes of a schema and of those inside it.
pub struct SchemaWalk<'r, 'p> {
    reader: &'r mut Reader<'p>,
    found: Vec<Declaration>,
    /// Indexes of fields that name themselves: those of one name are one index.
    named: HashMap<String, usize>,
    inside: Vec<SchemaId>,
    paths_left: usize,
}

/// All indexes of a schema.
pub fn indexes_of<'p>(reader: &mut Reader<'p>, schema: Located<'p>) -> Vec<Declaration> {
    let (named, paths_left) = (HashMap::new(), MAX_PATHS);
    let mut walk = SchemaWalk { reader, found: Vec::new(), named, inside: Vec::new(), paths_left };
    walk.schema(schema, "");
    walk.found
}

impl<'p> SchemaWalk<'_, 'p> {
    fn schema(&mut self, schema: Located<'p>, prefix: &str) {
        let id = (schema.file, schema.expr.at);
        self.reader.used.insert(id);
        // A schema inside itself ends there, as in Mongoose.
        if self.inside.contains(&id) {
            return;
        }
        self.inside.push(id);
        // What it is a copy of, with all that was said of that.
        if let Some(original) = self.reader.original_of(schema) {
            self.schema(original, prefix);
        }
        let paths = PathReader::read_schema(self.reader, schema);
        self.paths(&paths, prefix);
        for (file, action) in self.reader.actions_on(id) {
            if action.method == "index" && !PathReader::is_of_path(action) {
                self.explicit(file, action, prefix);
            }
        }
        self.inside.pop();
    }

    fn paths(&mut self, paths: &[PathDeclaration<'p>], prefix: &str) {
        for path in paths {
            match self.paths_left.checked_sub(1) {
                Some(left) => self.paths_left = left,
                None => {
                    let reason = format!("more than {MAX_PATHS} paths: what follows is left out");
                    return self.reader.unfollowed(path.file, path.at, reason);
                }
            }
            let inner = match path.shape {
                Shape::Leaf => None,
                Shape::Single(inner) | Shape::List(inner) => Some(inner),
            };
            if let Some(inner) = inner.filter(|_| !path.is_excluded) {
                self.inner(inner, &format!("{prefix}{}.", path.name));
            }
            if !matches!(path.shape, Shape::List(_))
                && let Some(declared) = &path.index.declared
            {
                self.field(path, declared, prefix);
            }
        }
    }

    fn inner(&mut self, inner: Inner<'p>, prefix: &str) {
        match inner {
            Inner::Schema(schema) if self.reader.switch(schema, "excludeIndexes") == Some(true) => {
                self.reader.used.insert((schema.file, schema.expr.at));
            }
            Inner::Schema(schema) => self.schema(schema, prefix),
            Inner::Object(object, type_key) => {
                let paths = PathReader::read_object(self.reader, object, type_key);
                self.paths(&paths, prefix);
            }
        }
    }

    fn field(&mut self, path: &PathDeclaration<'p>, declared: &Declared, prefix: &str) {
        let Declared { kind, options } = declared.clone();
        let key = Key::new(format!("{prefix}{}", path.name), kind.unwrap_or(Kind::Ascending));
        let name = options.get_str("name").ok().map(str::to_owned);
        if let Some(name) = name {
            if let Some(first) = self.named.get(&name) {
                self.found[*first].index.keys.push(key);
                return;
            }
            self.named.insert(name, self.found.len());
        }
        self.declare(vec![key], options, path.file, path.at);
    }

    /// `schema.index(fields, options)`
    fn explicit(&mut self, file: usize, action: &'p Action, prefix: &str) {
        let mut given = action.arguments.iter();
        let Some(Item::Value(fields)) = given.next() else {
            return self.reader.unfollowed(file, action.at, "an index whose fields are not written out");
        };
        if let Some(condition) = action.condition {
            let message = format!("an index {condition}: it is taken as if the code always ran, once");
            self.reader.remark(file, action.at, message);
        }
        let fields = Located { file, expr: fields };
        let keys = evaluate(self.reader.project, fields).and_then(|fields_value| match fields_value {
            Bson::Document(fields_value) => {
                keys_of(&fields_value).map_err(|why| Unfollowed::new(fields, why))
            }
            _ => Err(Unfollowed::new(fields, "the fields of an index are an object")),
        });
        let options = match given.next() {
            None => Ok(Document::new()),
            Some(Item::Value(expr)) => {
                evaluate(self.reader.project, Located { file, expr }).map(|value| match value {
                    Bson::Document(options) => options,
                    _ => Document::new(),
                })
            }
            Some(Item::Spread(expr)) => Err(Unfollowed::new(Located { file, expr }, "spread options")),
        };
        match (keys, options) {
            (Ok(keys), Ok(options)) => {
                let keys = keys.into_iter().map(|key| Key::new(format!("{prefix}{}", key.field), key.kind));
                self.declare(keys.collect(), prefixed_filter(options, prefix), file, action.at);
            }
            (Err(unfollowed), _) | (_, Err(unfollowed)) => {
                let Unfollowed { file, at, reason } = unfollowed;
                self.reader.unfollowed(file, at, format!("an index is left out: {reason}"));
            }
        }
    }

    fn declare(&mut self, keys: Vec<Key>, options: Document, file: usize, at: u32) {
        match options_of(options) {
            Err(reason) => self.reader.unfollowed(file, at, format!("an index is left out: {reason}")),
            Ok((name, options)) => {
                let named = name.is_some();
                let index = Index { name: name.unwrap_or_else(|| default_name(&keys)), keys, options };
                // Mongoose does not make the index that comes with the collection.
                if !index.is_id() && !index.keys.is_empty() {
                    self.found.push(Declaration { index, named, file, at });
                }
            }
        }
    }
}

/// The partial filter of a schema inside another one speaks of the fields of the inner one.
fn prefixed_filter(mut options: Document, prefix: &str) -> Document {
    if let Some(Bson::Document(filter)) = options.get_mut("partialFilterExpression") {
        let fields = std::mem::take(filter).into_iter();
        *filter = fields.map(|(field, value)| (format!("{prefix}{field}"), value)).collect();
    }
    options
}
