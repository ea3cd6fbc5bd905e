//! The paths of a schema, each with the index that it declares and the schema inside it.

use super::field::FieldIndex;
use super::reader::{Field, Reader, is_path, path_of, why};
use super::resolve::{Located, Target};
use super::shapes::is_type;
use super::syntax::{Action, ExprKind, Item};
use super::value::evaluate;

/// Objects inside one another, by whatever names: longer ways go in circles.
const MAX_DEPTH: usize = 60;
/// A path of a schema.
#[derive(Debug)]
pub struct PathDeclaration<'p> {
    /// Its name, from the schema.
    pub name: String,
    /// The number of the file.
    pub file: usize,
    /// Where it stands there, in bytes.
    pub at: u32,
    /// What it holds.
    pub shape: Shape<'p>,
    /// The index that it declares.
    pub index: FieldIndex,
    /// Whether the indexes inside it do not count.
    pub is_excluded: bool,
}

/// What a path holds.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'p> {
    /// A value, or a list of values.
    Leaf,
    /// A document.
    Single(Inner<'p>),
    /// A list of documents.
    List(Inner<'p>),
}

/// What is inside a path.
#[derive(Debug, Clone, Copy)]
pub enum Inner<'p> {
    /// A schema.
    Schema(Located<'p>),
    /// Fields without a schema of their own, and the key that tells types.
    Object(Located<'p>, &'p str),
}

/// Reads the paths of one schema.
pub struct PathReader<'r, 'p> {
    pub(super) reader: &'r mut Reader<'p>,
    pub(super) type_key: &'p str,
    paths: Vec<PathDeclaration<'p>>,
    depth: usize,
}

impl<'r, 'p> PathReader<'r, 'p> {
    /// The paths of a schema, with those that are added later.
    pub fn read_schema(reader: &'r mut Reader<'p>, schema: Located<'p>) -> Vec<PathDeclaration<'p>> {
        let type_key = type_key_of(reader, schema);
        let actions = reader.actions_on((schema.file, schema.expr.at));
        let is_copy = reader.original_of(schema).is_some();
        let mut paths = PathReader { reader, type_key, paths: Vec::new(), depth: 0 };
        if !is_copy {
            let (ExprKind::New(_, given) | ExprKind::Call(_, given)) = &schema.expr.kind else {
                return paths.paths;
            };
            paths.definition(schema.file, given.first());
        }
        for (file, action) in actions {
            match action.method.as_str() {
                "add" => paths.definition(file, action.arguments.first()),
                _ if Self::is_of_path(action) => paths.of_path(file, action),
                _ => {}
            }
        }
        paths.paths
    }

    /// The paths of an object without a schema of its own.
    pub fn read_object(
        reader: &'r mut Reader<'p>,
        object: Located<'p>,
        type_key: &'p str,
    ) -> Vec<PathDeclaration<'p>> {
        let mut paths = PathReader { reader, type_key, paths: Vec::new(), depth: 0 };
        paths.fields(object, "");
        paths.paths
    }

    /// Whether a call is one on a path: `schema.path('a').index(true)`.
    pub fn is_of_path(action: &Action) -> bool {
        action.on.as_ref().is_some_and(is_path)
    }

    fn definition(&mut self, file: usize, given: Option<&'p Item>) {
        let expr = match given {
            None => return,
            Some(Item::Value(expr)) => expr,
            Some(Item::Spread(expr)) => {
                return self.reader.unfollowed(file, expr.at, "fields that are spread in");
            }
        };
        match self.reader.project.resolve(Located { file, expr }) {
            Target::Value(found) if matches!(found.expr.kind, ExprKind::Object(_)) => self.fields(found, ""),
            Target::Value(found) if self.reader.is_schema(found) => {
                self.reader.unfollowed(file, expr.at, "a schema that takes in another one is not followed");
            }
            other => {
                let message = format!("the fields of a schema: {}", why(&other));
                self.reader.unfollowed(file, expr.at, message);
            }
        }
    }

    /// `schema.path('a').unique(true)`
    fn of_path(&mut self, file: usize, action: &'p Action) {
        let Some((_, name)) = action.on.as_ref().and_then(|expr| path_of(Located { file, expr })) else {
            return;
        };
        if !FieldIndex::is_word(&action.method) {
            if action.method == "discriminator" {
                self.reader.unfollowed(file, action.at, "discriminators are not followed");
            }
            return;
        }
        let given = match action.arguments.first() {
            Some(Item::Value(expr)) => evaluate(self.reader.project, Located { file, expr }),
            _ => Ok(bson::Bson::Boolean(true)),
        };
        let Some(path) = self.paths.iter_mut().find(|path| path.name == name) else {
            let message = format!("`{name}` is no path of this schema that was found");
            return self.reader.unfollowed(file, action.at, message);
        };
        let taken = given.map_err(|unfollowed| unfollowed.reason);
        let taken = taken.and_then(|value| path.index.take(&action.method, &value));
        if let Err(reason) = taken {
            self.reader.unfollowed(file, action.at, reason);
        }
    }

    fn fields(&mut self, object: Located<'p>, prefix: &str) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.reader.unfollowed(object.file, object.expr.at, "fields that are nested too deeply");
        } else {
            for field in self.reader.fields(object) {
                self.field(&field, prefix);
            }
        }
        self.depth -= 1;
    }

    fn field(&mut self, field: &Field<'p>, prefix: &str) {
        let name = format!("{prefix}{}", field.name);
        match self.reader.project.resolve(field.value) {
            Target::Value(found) => match &found.expr.kind {
                ExprKind::Object(members) if members.is_empty() => self.add(&name, field, Shape::Leaf),
                ExprKind::Object(_) => self.described(name, field, found),
                ExprKind::List(items) => {
                    let shape = self.list(&name, field, found.file, items);
                    self.add_listed(&name, field, shape);
                }
                ExprKind::Text(_) | ExprKind::Other("a function") => self.add(&name, field, Shape::Leaf),
                // `_id: false`
                ExprKind::Switch(_) | ExprKind::Null | ExprKind::Number(_) => {}
                _ if self.reader.is_schema(found) => {
                    self.add(&name, field, Shape::Single(Inner::Schema(found)));
                }
                _ => self.unfollowed(&name, field, &why(&Target::Value(found))),
            },
            other => self.named_type(&name, field, &other),
        }
    }

    /// `a: String`, where the name is not declared in the files.
    fn named_type(&mut self, name: &str, field: &Field<'p>, target: &Target<'p>) {
        if is_type(target) {
            self.add(name, field, Shape::Leaf);
        } else {
            self.unfollowed(name, field, &why(target));
        }
    }

    /// `a: { … }`: a type with options, or fields inside `a`.
    fn described(&mut self, name: String, field: &Field<'p>, options: Located<'p>) {
        let kind = self.reader.project.member(options, self.type_key);
        let Some(kind) = kind.filter(|kind| !self.is_field_named_type(*kind)) else {
            return self.fields(options, &format!("{name}."));
        };
        let own = self.index_of(&name, options, kind);
        let is_excluded = self.switch(options, "excludeIndexes");
        let (shape, inner_index, is_inner_excluded) = match self.reader.project.resolve(kind) {
            Target::Value(found) => match &found.expr.kind {
                ExprKind::Object(members) if members.is_empty() => (Shape::Leaf, None, false),
                ExprKind::Object(_) => (Shape::Single(Inner::Object(found, self.type_key)), None, false),
                ExprKind::List(items) => self.list(&name, field, found.file, items),
                ExprKind::Text(_) => (Shape::Leaf, None, false),
                _ if self.reader.is_schema(found) => (Shape::Single(Inner::Schema(found)), None, false),
                _ => {
                    self.unfollowed(&name, field, &why(&Target::Value(found)));
                    (Shape::Leaf, None, false)
                }
            },
            other => {
                self.special_type(&name, field, options, &other);
                (Shape::Leaf, None, false)
            }
        };
        let index = if own.declared.is_some() { own } else { inner_index.unwrap_or(own) };
        let (file, at, is_excluded) = (field.value.file, field.at, is_excluded || is_inner_excluded);
        self.push(PathDeclaration { name, file, at, shape, index, is_excluded });
    }

    fn add(&mut self, name: &str, field: &Field<'p>, shape: Shape<'p>) {
        self.add_listed(name, field, (shape, None, false));
    }

    fn add_listed(
        &mut self,
        name: &str,
        field: &Field<'p>,
        (shape, index, is_excluded): (Shape<'p>, Option<FieldIndex>, bool),
    ) {
        let (file, at) = (field.value.file, field.at);
        let (name, index) = (name.to_owned(), index.unwrap_or_default());
        self.push(PathDeclaration { name, file, at, shape, index, is_excluded });
    }

    /// A path that is declared again takes the place of the first.
    fn push(&mut self, path: PathDeclaration<'p>) {
        match self.paths.iter_mut().find(|known| known.name == path.name) {
            Some(known) => *known = path,
            None => self.paths.push(path),
        }
    }

    pub(super) fn unfollowed(&mut self, name: &str, field: &Field<'p>, reason: &str) {
        self.reader.unfollowed(field.value.file, field.at, format!("`{name}`: {reason}"));
    }
}

/// The `typeKey` of a schema.
fn type_key_of<'p>(reader: &Reader<'p>, schema: Located<'p>) -> &'p str {
    let found = reader.options_of(schema).and_then(|options| reader.project.member(options, "typeKey"));
    match found.map(|found| reader.project.resolve(found)) {
        Some(Target::Value(Located { expr, .. })) => match &expr.kind {
            ExprKind::Text(name) => name,
            _ => "type",
        },
        _ => "type",
    }
}
