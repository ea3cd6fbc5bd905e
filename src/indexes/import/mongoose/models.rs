//! From models to collections: `model('User', schema)`, and what else in the files is about indexes.

use std::collections::BTreeMap;

use bson::{Bson, Document};

use super::plural::collection_of;
use super::reader::{Reader, why};
use super::resolve::{Located, Target};
use super::schema::{Declaration, indexes_of};
use super::syntax::{Action, ExprKind, Item, Member};
use super::value::{Unfollowed, evaluate, text};
use crate::indexes::import::{ImportedCollection, ImportedIndex, NoteKind};
use crate::indexes::index::{Index, Kind};

/// The collections of all models, with their indexes.
pub fn collections(reader: &mut Reader<'_>) -> Vec<ImportedCollection> {
    let mut collections = BTreeMap::new();
    for (file, module) in reader.project.modules.iter().enumerate() {
        for action in &module.actions {
            if is_model(reader, file, action) {
                model(reader, file, action, &mut collections);
            } else {
                other_action(reader, file, action);
            }
        }
    }
    unused_schemas(reader);
    collections.into_values().collect()
}

/// Whether a call is one of Mongoose's `model`, by its own name or another one.
fn is_model(reader: &Reader<'_>, file: usize, action: &Action) -> bool {
    match (&action.on, action.method.as_str()) {
        (Some(_), "model") => action.arguments.len() > 1,
        (None, name) => {
            let name =
                super::syntax::Expr { at: action.at, kind: ExprKind::Name(name.to_owned(), action.scope) };
            let part = reader.project.part_of_mongoose(file, &name);
            part.is_some_and(|path| path == ["model"]) && action.arguments.len() > 1
        }
        _ => false,
    }
}

fn model<'p>(
    reader: &mut Reader<'p>,
    file: usize,
    action: &'p Action,
    collections: &mut BTreeMap<String, ImportedCollection>,
) {
    let given = |number: usize| {
        let expr = action.arguments.get(number).and_then(Item::value)?;
        Some(Located { file, expr })
    };
    let (Some(name), Some(schema)) = (given(0), given(1)) else {
        return reader.unfollowed(file, action.at, "a model whose name or schema is spread in");
    };
    let name = text(reader.project, name);
    let Some(found) = reader.schema_at(schema) else {
        // `model` of something that has nothing to do with Mongoose takes other things.
        if let Ok(name) = &name {
            let reason = why(&reader.project.resolve(schema));
            reader.unfollowed(file, action.at, format!("the schema of the model `{name}`: {reason}"));
        }
        return;
    };
    reader.start_model();
    let declared = indexes_of(reader, found);
    match name.and_then(|name| Ok((collection_name(reader, &name, found, given(2))?, name))) {
        Err(Unfollowed { file, at, reason }) => {
            reader.unfollowed(file, at, format!("the name of a model or of its collection: {reason}"));
        }
        Ok((collection, model)) => {
            remarks(reader, file, action.at, &model, found);
            let fresh = || ImportedCollection { name: collection.clone(), ..ImportedCollection::default() };
            let entry = collections.entry(collection.clone()).or_insert_with(fresh);
            if !entry.models.contains(&model) {
                entry.models.push(model);
            }
            entry.clustered |= reader.option(found, "clusteredIndex").is_some();
            let collation = reader.option(found, "collation");
            add(reader, entry, declared, collation.as_ref());
        }
    }
}

/// The third argument, the option of the schema, or the plural of the model's name.
fn collection_name<'p>(
    reader: &Reader<'p>,
    model: &str,
    schema: Located<'p>,
    given: Option<Located<'p>>,
) -> Result<String, Unfollowed> {
    if let Some(given) = given
        && let value @ (Bson::String(_) | Bson::Int32(_)) = evaluate(reader.project, given)?
    {
        return value.as_str().map(str::to_owned).ok_or_else(|| Unfollowed::new(given, "no name"));
    }
    if let Some(Bson::String(name)) = reader.option(schema, "collection") {
        return Ok(name);
    }
    let is_said = reader.options_of(schema).and_then(|options| reader.project.member(options, "collection"));
    if let Some(said) = is_said {
        evaluate(reader.project, said)?;
    }
    Ok(collection_of(model))
}

fn remarks<'p>(reader: &mut Reader<'p>, file: usize, at: u32, model: &str, schema: Located<'p>) {
    if reader.switch(schema, "autoIndex") == Some(false) {
        let message =
            format!("`{model}` has autoIndex: false: the application does not build these indexes itself");
        reader.remark(file, at, message);
    }
    let (ExprKind::New(_, given) | ExprKind::Call(_, given)) = &schema.expr.kind else { return };
    let Some(expr) = given.get(1).and_then(Item::value) else { return };
    let options = Located { file: schema.file, expr };
    let is_read = reader.options_of(schema).is_some() || reader.original_of(schema).is_some();
    if !is_read {
        let reason = why(&reader.project.resolve(options));
        reader.unfollowed(schema.file, expr.at, format!("the options of the schema of `{model}`: {reason}"));
    }
}

/// Adds the indexes of a model to its collection. What is there already is merged.
fn add(
    reader: &mut Reader<'_>,
    collection: &mut ImportedCollection,
    declared: Vec<Declaration>,
    collation: Option<&Bson>,
) {
    for Declaration { mut index, named, file, at } in declared {
        if let Some(collation) = collation.and_then(Bson::as_document) {
            take_collation(&mut index, collation);
        }
        let place = reader.place(file, at);
        let fresh = ImportedIndex::new(index, named, Some(place));
        let Some(first) = collection.indexes.iter().find(|first| clash(first, &fresh)) else {
            collection.indexes.push(fresh);
            continue;
        };
        // Two models of one schema and one collection.
        if first.place == fresh.place && first.index == fresh.index {
            continue;
        }
        let before = first.place.as_ref().map(|place| format!("{}:{}", place.file, place.line));
        let before = before.unwrap_or_default();
        let (kind, message) = match first.index.is_same_as(&fresh.index) {
            true => (NoteKind::Merged, format!("{} is declared in {before} already", fresh.shown())),
            false => {
                let message = format!(
                    "{} cannot stand beside {} of {before}: left out, as the server would refuse it",
                    fresh.shown(),
                    first.shown()
                );
                (NoteKind::LeftOut, message)
            }
        };
        reader.note(kind, file, at, message);
    }
}

/// Whether a server would refuse one of the two, or they are the same.
fn clash(one: &ImportedIndex, other: &ImportedIndex) -> bool {
    one.index.name == other.index.name || !one.index.can_stand_beside(&other.index)
}

/// The collation of a schema is that of its indexes, where they name none.
fn take_collation(index: &mut Index, collation: &Document) {
    if index.options.collation.is_none() && !index.has(Kind::Text) {
        index.options.collation = Some(collation.clone());
    }
}

/// Calls that are about indexes and cannot be followed, or need not be.
fn other_action<'p>(reader: &mut Reader<'p>, file: usize, action: &'p Action) {
    let Some(on) = action.on.as_ref().map(|expr| Located { file, expr }) else { return };
    let is_of_schema = reader.schema_at(on).is_some();
    let target = reader.project.resolve(on);
    let is_of_mongoose = matches!(&target, Target::Mongoose(path) if path.is_empty());
    let message = match action.method.as_str() {
        "plugin" if is_of_schema => "plugins are not followed: this one may declare indexes",
        "plugin" if is_of_mongoose => {
            "plugins are not followed: this one may declare indexes in every schema"
        }
        "pluralize" if is_of_mongoose && !action.arguments.is_empty() => {
            "the rules for names of collections are changed: Mongoose's own were used"
        }
        "clearIndexes" | "removeIndex" | "remove" if is_of_schema => {
            "indexes or paths that are taken away are not followed"
        }
        "searchIndex" if is_of_schema => {
            return reader.remark(
                file,
                action.at,
                "search indexes belong to Atlas: specifications have none",
            );
        }
        "discriminator" if is_of_schema || looks_like_discriminator(action) => {
            "discriminators are not followed"
        }
        "index" if !is_of_schema && !super::reader::is_path(on.expr) && looks_like_index(action) => {
            let message = format!("an index of something that is not followed: {}", why(&target));
            return reader.unfollowed(file, action.at, message);
        }
        _ => return,
    };
    reader.unfollowed(file, action.at, message);
}

/// `Model.discriminator('Name', schema)`
fn looks_like_discriminator(action: &Action) -> bool {
    action.arguments.len() > 1
}

/// `x.index({ a: 1 })`: other things have a method of this name too.
fn looks_like_index(action: &Action) -> bool {
    match action.arguments.first().and_then(Item::value).map(|fields| &fields.kind) {
        Some(ExprKind::Object(members)) => members.iter().any(|member| match member {
            Member::Field { value, .. } => matches!(value.kind, ExprKind::Number(_) | ExprKind::Text(_)),
            Member::Computed(..) => true,
            Member::Spread(_) => false,
        }),
        _ => false,
    }
}

/// Schemas with indexes that no model of these files has.
fn unused_schemas(reader: &mut Reader<'_>) {
    let project = reader.project;
    for (file, module) in project.modules.iter().enumerate() {
        for made in &module.constructions {
            let at = Located { file, expr: made };
            if !reader.is_schema(at) || reader.used.contains(&(file, made.at)) {
                continue;
            }
            reader.start_model();
            let count = indexes_of(reader, at).len();
            if count > 0 {
                let message =
                    format!("a schema that no model of these files has: its indexes ({count}) are missing");
                reader.unfollowed(file, made.at, message);
            }
        }
    }
}
