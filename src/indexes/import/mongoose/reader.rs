//! What is known while the models of a project are read: its schemas, what is said of each, and the notes.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};

use bson::Bson;

use super::resolve::{Located, Project, Target};
use super::schema::SchemaId;
use super::syntax::{Action, Binding, Expr, ExprKind, Item, Member};
use super::value::{evaluate, is_truthy};
use crate::indexes::import::{ImportNote, NoteKind, SourcePlace};

/// Members of objects that are looked at for one model: no model has so many, a few lines of spreads could.
const MAX_MEMBERS: usize = 100_000;
/// Spreads inside one another.
const MAX_SPREADS: usize = 8;

/// Reads the models of a project.
pub struct Reader<'p> {
    /// The files.
    pub project: &'p Project,
    /// The schemas that belong to a model, themselves or inside another one.
    pub used: HashSet<SchemaId>,
    actions: HashMap<SchemaId, Vec<(usize, &'p Action)>>,
    notes: BTreeSet<ImportNote>,
    members_left: Cell<usize>,
}

/// A field of an object, spreads resolved.
#[derive(Debug, Clone)]
pub struct Field<'p> {
    /// Its key.
    pub name: String,
    /// Where it stands, in bytes.
    pub at: u32,
    /// Its value.
    pub value: Located<'p>,
}

impl<'p> Reader<'p> {
    /// Finds what is said of each schema.
    pub fn new(project: &'p Project) -> Self {
        let (used, actions, notes) = (HashSet::new(), HashMap::new(), BTreeSet::new());
        let mut reader = Self { project, used, actions, notes, members_left: Cell::new(MAX_MEMBERS) };
        for (file, module) in project.modules.iter().enumerate() {
            for (at, reason) in &module.unfollowed {
                reader.unfollowed(file, *at, *reason);
            }
            for action in &module.actions {
                let on = action.on.as_ref().map(|expr| Located { file, expr });
                let on = on.map(|on| path_of(on).map_or(on, |(schema, _)| schema));
                if let Some(schema) = on.and_then(|on| reader.schema_at(on)) {
                    let id = (schema.file, schema.expr.at);
                    reader.actions.entry(id).or_default().push((file, action));
                }
            }
        }
        reader
    }

    /// The notes, in the order of the files.
    pub fn into_notes(self) -> Vec<ImportNote> {
        self.notes.into_iter().collect()
    }

    /// Begins with another model.
    pub fn start_model(&mut self) {
        self.members_left.set(MAX_MEMBERS);
    }

    /// What is said of a schema outside of its definition.
    pub fn actions_on(&self, schema: SchemaId) -> Vec<(usize, &'p Action)> {
        self.actions.get(&schema).cloned().unwrap_or_default()
    }

    /// The schema that a value comes to: where it is made.
    pub fn schema_at(&self, at: Located<'p>) -> Option<Located<'p>> {
        match self.project.resolve(at) {
            Target::Value(found) if self.is_schema(found) => Some(found),
            _ => None,
        }
    }

    /// Whether a value is `new Schema(…)`, `Schema(…)` or `schema.clone()`.
    pub fn is_schema(&self, at: Located<'p>) -> bool {
        match &at.expr.kind {
            ExprKind::New(callee, _) => self.makes_schemas(Located { file: at.file, expr: callee }),
            ExprKind::Call(callee, _) => {
                self.makes_schemas(Located { file: at.file, expr: callee }) || self.original_of(at).is_some()
            }
            _ => false,
        }
    }

    fn makes_schemas(&self, callee: Located<'p>) -> bool {
        match self.project.resolve(callee) {
            Target::Mongoose(path) => path.last().is_some_and(|last| last == "Schema"),
            // A project's own file, or a package, that hands Mongoose's on.
            Target::Package(_) | Target::Unknown(_) => match &callee.expr.kind {
                ExprKind::Name(name, scope) if name == "Schema" => {
                    let declared = self.project.modules[callee.file].lookup(name, *scope);
                    matches!(declared, Some(Binding::Import { .. } | Binding::Value(_)))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// The schema that this one is a copy of.
    pub fn original_of(&self, schema: Located<'p>) -> Option<Located<'p>> {
        let ExprKind::Call(callee, _) = &schema.expr.kind else { return None };
        match &callee.kind {
            ExprKind::Member(original, name) if name == "clone" => {
                self.schema_at(Located { file: schema.file, expr: original })
            }
            _ => None,
        }
    }

    /// An option of a schema, as `set` or its second argument say it.
    pub fn option(&self, schema: Located<'p>, name: &str) -> Option<Bson> {
        let set =
            self.actions_on((schema.file, schema.expr.at)).into_iter().rev().find_map(|(file, action)| {
                let is_set = action.method == "set" && action.on.as_ref().is_some_and(|on| !is_path(on));
                let mut given = super::collect::plain(&action.arguments).filter(|_| is_set);
                let is_meant = matches!(&given.next()?.kind, ExprKind::Text(text) if text == name);
                given.next().filter(|_| is_meant).map(|expr| Located { file, expr })
            });
        let found = set.or_else(|| self.project.member(self.options_of(schema)?, name));
        let value = found.and_then(|found| evaluate(self.project, found).ok());
        value.or_else(|| self.option(self.original_of(schema)?, name))
    }

    /// Whether a switch of a schema is set, if it is said.
    pub fn switch(&self, schema: Located<'p>, name: &str) -> Option<bool> {
        self.option(schema, name).map(|value| is_truthy(&value))
    }

    /// The second argument of `new Schema`.
    pub fn options_of(&self, schema: Located<'p>) -> Option<Located<'p>> {
        let (ExprKind::New(_, given) | ExprKind::Call(_, given)) = &schema.expr.kind else { return None };
        let expr = given.get(1).and_then(Item::value)?;
        match self.project.resolve(Located { file: schema.file, expr }) {
            Target::Value(found) if matches!(found.expr.kind, ExprKind::Object(_)) => Some(found),
            _ => None,
        }
    }

    /// The fields of an object; what cannot be followed is told.
    pub fn fields(&mut self, object: Located<'p>) -> Vec<Field<'p>> {
        let mut fields = Vec::new();
        self.add_fields(object, &mut fields, 0);
        fields
    }

    fn add_fields(&mut self, object: Located<'p>, fields: &mut Vec<Field<'p>>, spreads: usize) {
        let file = object.file;
        let ExprKind::Object(members) = &object.expr.kind else { return };
        for member in members {
            match self.members_left.get().checked_sub(1) {
                Some(left) if spreads <= MAX_SPREADS => self.members_left.set(left),
                _ => return self.unfollowed(file, object.expr.at, "an object that goes on and on"),
            }
            match member {
                Member::Field { name, at, value } => {
                    put(fields, Field { name: name.clone(), at: *at, value: Located { file, expr: value } });
                }
                Member::Computed(key, value) => match evaluate(self.project, Located { file, expr: key }) {
                    Ok(Bson::String(name)) => {
                        put(fields, Field { name, at: key.at, value: Located { file, expr: value } });
                    }
                    _ => self.unfollowed(file, key.at, "a field whose name is made when the code runs"),
                },
                Member::Spread(expr) => match self.project.resolve(Located { file, expr }) {
                    Target::Value(more) if matches!(more.expr.kind, ExprKind::Object(_)) => {
                        self.add_fields(more, fields, spreads + 1);
                    }
                    other => {
                        let message = format!("fields that are spread in: {}", why(&other));
                        self.unfollowed(file, expr.at, message);
                    }
                },
            }
        }
    }

    /// Notes that something could not be followed.
    pub fn unfollowed(&mut self, file: usize, at: u32, message: impl Into<String>) {
        self.note(NoteKind::NotFollowed, file, at, message);
    }

    /// Notes what is good to know.
    pub fn remark(&mut self, file: usize, at: u32, message: impl Into<String>) {
        self.note(NoteKind::Remark, file, at, message);
    }

    /// Adds a note.
    pub fn note(&mut self, kind: NoteKind, file: usize, at: u32, message: impl Into<String>) {
        self.notes.insert(ImportNote { place: Some(self.place(file, at)), kind, message: message.into() });
    }

    /// A place as messages show it.
    pub fn place(&self, file: usize, at: u32) -> SourcePlace {
        let module = &self.project.modules[file];
        let (line, column) = module.place(at);
        SourcePlace { file: module.name.clone(), line, column }
    }
}

fn put<'p>(fields: &mut Vec<Field<'p>>, field: Field<'p>) {
    match fields.iter_mut().find(|known| known.name == field.name) {
        Some(known) => *known = field,
        None => fields.push(field),
    }
}

/// Why a value cannot be looked into.
pub fn why(target: &Target<'_>) -> String {
    match target {
        Target::Unknown(reason) => reason.clone(),
        Target::Package(package) => format!("it comes from the package `{package}`"),
        Target::Global(name) => format!("`{name}` is declared in none of the files"),
        Target::Mongoose(_) => "it is a part of Mongoose".to_owned(),
        Target::Module(_) => "it is a whole module".to_owned(),
        Target::Value(found) => match &found.expr.kind {
            ExprKind::Call(..) => "what a function gives is not followed".to_owned(),
            ExprKind::New(..) => "an object that the code makes".to_owned(),
            ExprKind::Other(what) => (*what).to_owned(),
            _ => "a value of another kind is needed".to_owned(),
        },
    }
}

/// `schema.path('a')`: the schema and the path.
pub fn path_of<'p>(on: Located<'p>) -> Option<(Located<'p>, &'p str)> {
    let ExprKind::Call(callee, given) = &on.expr.kind else { return None };
    match (&callee.kind, given.first().and_then(Item::value).map(|path| &path.kind)) {
        (ExprKind::Member(schema, name), Some(ExprKind::Text(path))) if name == "path" => {
            Some((Located { file: on.file, expr: schema }, path))
        }
        _ => None,
    }
}

/// Whether it is `….path(…)`.
pub fn is_path(on: &Expr) -> bool {
    path_of(Located { file: 0, expr: on }).is_some()
}
