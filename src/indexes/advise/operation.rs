//! Observed commands, as the profiler, the log and `$queryStats` hold them.

use bson::{Bson, Document};

use super::branch::Branch;
use super::filter::{self, LeftOut};
use super::shape::{RangeBy, RangeField, Shape, SortField, Verb};
use crate::indexes::number::truncated;

/// A command that looked for documents, with the values that it was given: they go no further than `explain`.
#[derive(Clone)]
pub struct Operation {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// What it did with what it found.
    pub verb: Verb,
    /// The field whose values a `distinct` wanted.
    pub distinct: Option<String>,
    /// What it looked for.
    pub filter: Document,
    /// In which order.
    pub sort: Option<Document>,
    /// Its collation, when it named one.
    pub collation: Option<Document>,
    /// How many at most.
    pub limit: Option<i64>,
    /// How many it passed over.
    pub skip: Option<i64>,
}

impl Operation {
    /// Reads a command on a namespace; nothing when it looks for no documents of a collection.
    pub fn read(namespace: &str, command: &Document) -> Option<Self> {
        let (database, collection) = namespace.split_once('.')?;
        if collection.is_empty() || collection.starts_with("system.") || collection.contains('$') {
            return None;
        }
        let bare = |verb, filter: Document| Self {
            database: database.to_owned(),
            collection: collection.to_owned(),
            verb,
            distinct: None,
            filter,
            sort: None,
            collation: bag(command, "collation"),
            limit: None,
            skip: None,
        };
        let query = || bag(command, "query").unwrap_or_default();
        Some(match command.keys().next()?.as_str() {
            "find" => Self {
                sort: bag(command, "sort"),
                limit: number(command, "limit"),
                skip: number(command, "skip"),
                ..bare(Verb::Find, bag(command, "filter").unwrap_or_default())
            },
            "aggregate" => {
                leading(command.get_array("pipeline").ok()?, bare(Verb::Aggregate, Document::new()))?
            }
            "count" => bare(Verb::Count, query()),
            "distinct" => {
                let key = command.get_str("key").ok()?.to_owned();
                Self { distinct: Some(key), ..bare(Verb::Distinct, query()) }
            }
            "findAndModify" | "findandmodify" => {
                Self { sort: bag(command, "sort"), limit: Some(1), ..bare(Verb::FindAndModify, query()) }
            }
            "q" => statement(command, bare(Verb::Update, bag(command, "q")?)),
            "update" => first_statement(command, "updates", bare(Verb::Update, Document::new()))?,
            "delete" => first_statement(command, "deletes", bare(Verb::Delete, Document::new()))?,
            _ => return None,
        })
    }

    /// The shapes that it has, one for each branch of its `$or`; `default` is the collation of its collection.
    pub fn shapes(&self, default: Option<&Document>) -> Result<Vec<Shape>, LeftOut> {
        let sort = self.sort.as_ref().map_or(Ok(Vec::new()), sort_fields)?;
        let branches = filter::read(&self.filter, !sort.is_empty())?;
        let collation = super::serving::collation_text(self.collation.as_ref().or(default));
        let shapes = branches.iter().map(|branch| self.shape(branch, sort.clone(), collation.clone()));
        let mut shapes: Vec<Shape> = shapes.collect();
        // One branch that reads everything makes indexes for the others useless.
        let is_open = |shape: &Shape| shape.equality.is_empty() && shape.range.is_empty();
        if shapes.iter().any(is_open) {
            shapes.retain(is_open);
        }
        let asks_nothing = |shape: &Shape| shape.width() == 0 && shape.unserved.is_empty();
        if shapes.iter().any(asks_nothing) { Err(LeftOut::Everything) } else { Ok(shapes) }
    }

    fn shape(&self, branch: &Branch, mut sort: Vec<SortField>, collation: Option<String>) -> Shape {
        let (mut equality, mut range) = (branch.equality(), branch.range());
        // A field with one given value is the same everywhere; with several, the order among them counts.
        sort.retain(|sort| !equality.iter().any(|given| given.field == sort.field && !given.is_list));
        equality.retain(|given| {
            let is_sorted = sort.iter().any(|sort| sort.field == given.field);
            if is_sorted {
                range.push(RangeField { field: given.field.clone(), by: RangeBy::ManyValues });
            }
            !is_sorted
        });
        range.sort();
        let is_bare = equality.is_empty() && sort.is_empty() && range.is_empty();
        if let Some(field) = self.distinct.as_ref().filter(|_| is_bare && branch.unserved().is_empty()) {
            sort.push(SortField { field: field.clone(), is_descending: false });
        }
        let (verb, distinct, unserved) = (self.verb, self.distinct.clone(), branch.unserved());
        Shape { verb, distinct, equality, sort, range, unserved, collation }.bounded()
    }

    /// A `find` that looks at the same documents: what `explain` is asked about, so that nothing is ever written.
    pub fn as_find(&self) -> Document {
        let mut find = bson::doc! { "find": &self.collection, "filter": &self.filter };
        find.extend(self.sort.clone().map(|sort| ("sort".to_owned(), Bson::Document(sort))));
        find.extend(
            self.collation.clone().map(|collation| ("collation".to_owned(), Bson::Document(collation))),
        );
        find.extend(self.skip.map(|skip| ("skip".to_owned(), Bson::Int64(skip))));
        find.extend(self.limit.map(|limit| ("limit".to_owned(), Bson::Int64(limit))));
        find
    }
}

/// The stages at the beginning that a server turns into a query.
fn leading(pipeline: &[Bson], mut operation: Operation) -> Option<Operation> {
    let mut filters = Vec::new();
    for stage in pipeline {
        let (name, value) = stage.as_document()?.iter().next()?;
        match (name.as_str(), value) {
            ("$match", Bson::Document(filter)) if operation.limit.is_none() => {
                filters.push(Bson::Document(filter.clone()));
            }
            ("$sort", Bson::Document(sort)) if operation.limit.is_none() => {
                operation.sort = Some(sort.clone());
            }
            ("$limit", limit) => {
                operation.limit = truncated(limit);
                break;
            }
            // They speak of the server or of other collections, or find their documents in ways of their own.
            (
                "$indexStats" | "$collStats" | "$queryStats" | "$sample" | "$currentOp" | "$changeStream"
                | "$planCacheStats" | "$documents",
                _,
            ) => return None,
            ("$geoNear", _) => filters.push(Bson::Document(bson::doc! { "_": { "$near": 1 } })),
            ("$search" | "$searchMeta" | "$vectorSearch", _) => {
                filters.push(Bson::Document(bson::doc! { "$text": 1 }));
            }
            _ => break,
        }
    }
    operation.filter = match <[Bson; 1]>::try_from(filters) {
        Ok([Bson::Document(only)]) => only,
        Ok(_) => Document::new(),
        Err(none) if none.is_empty() => Document::new(),
        Err(several) => bson::doc! { "$and": several },
    };
    Some(operation)
}

/// One statement of an update (`{q, u, multi}`) or a delete (`{q, limit}`).
fn statement(statement: &Document, mut operation: Operation) -> Operation {
    let is_update = statement.contains_key("u");
    operation.verb = if is_update { Verb::Update } else { Verb::Delete };
    let touches_all = match is_update {
        true => statement.get_bool("multi").unwrap_or_default(),
        false => number(statement, "limit") != Some(1),
    };
    operation.limit = (!touches_all).then_some(1);
    operation
}

fn first_statement(command: &Document, name: &str, operation: Operation) -> Option<Operation> {
    let first = command.get_array(name).ok()?.first()?.as_document()?;
    let (filter, collation) = (bag(first, "q")?, bag(first, "collation"));
    Some(statement(first, Operation { filter, collation, ..operation }))
}

fn sort_fields(sort: &Document) -> Result<Vec<SortField>, LeftOut> {
    let fields = sort.iter().map(|(field, direction)| match direction_of(direction) {
        Some(direction) if !field.starts_with('$') && !field.split('.').any(str::is_empty) => {
            Ok(SortField { field: field.clone(), is_descending: direction < 0 })
        }
        _ => Err(LeftOut::OddSort),
    });
    fields.collect()
}

fn direction_of(value: &Bson) -> Option<i64> {
    truncated(value).filter(|direction| *direction != 0)
}

fn bag(document: &Document, name: &str) -> Option<Document> {
    document.get_document(name).ok().cloned()
}

fn number(document: &Document, name: &str) -> Option<i64> {
    document.get(name).and_then(truncated).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::Operation;
    use crate::indexes::advise::filter::LeftOut;

    #[track_caller]
    fn shown(command: &Document) -> String {
        let operation = Operation::read("shop.orders", command).unwrap();
        let shapes = operation.shapes(None).unwrap();
        shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn each_command_becomes_a_shape() {
        for (command, expected) in [
            (
                doc! { "find": "orders", "filter": { "a": 1, "b": { "$gt": 2 } }, "sort": { "c": -1 } },
                "find: a =, sort c -1, range b",
            ),
            (doc! { "count": "orders", "query": { "a": { "$in": [1, 2] } } }, "count: a $in"),
            (doc! { "distinct": "orders", "key": "k", "query": { "a": 1 } }, "distinct: values of k, a ="),
            (doc! { "q": { "a": 1 }, "u": { "$set": { "x": 1 } } }, "update: a ="),
            (doc! { "q": { "a": 1 }, "limit": 1 }, "delete: a ="),
            (doc! { "delete": "orders", "deletes": [{ "q": { "a": 1 }, "limit": 0 }] }, "delete: a ="),
            (
                doc! { "aggregate": "orders", "pipeline": [
                    { "$match": { "a": 1 } }, { "$match": { "b": 2 } }, { "$sort": { "c": 1 } },
                    { "$group": { "_id": "$d" } }, { "$match": { "e": 1 } },
                ] },
                "aggregate: a =, b =, sort c 1",
            ),
            (
                doc! { "findAndModify": "orders", "query": { "a": 1 }, "sort": { "a": 1, "b": 1 } },
                "findAndModify: a =, sort b 1",
            ),
        ] {
            assert_eq!(shown(&command), expected);
        }
    }

    #[test]
    fn what_looks_for_no_documents_is_no_operation() {
        let explain = doc! { "explain": { "find": "orders" } };
        let stats = doc! { "aggregate": "orders", "pipeline": [{ "$indexStats": {} }] };
        let other = doc! { "find": "system.profile", "filter": {} };
        assert!(Operation::read("shop.orders", &explain).is_none());
        assert!(Operation::read("shop.orders", &stats).is_none());
        assert!(Operation::read("shop.system.profile", &other).is_none());
    }

    #[test]
    fn a_branch_that_reads_everything_is_all_that_counts() {
        let filter = doc! { "$or": [{ "a": 1 }, { "b": { "$ne": 1 } }] };
        assert_eq!(shown(&doc! { "find": "orders", "filter": filter, "sort": { "c": 1 } }), "find: sort c 1");
    }

    #[test]
    fn a_command_that_wants_everything_asks_for_no_index() {
        let operation = Operation::read("shop.orders", &doc! { "find": "orders", "filter": {} }).unwrap();
        assert_eq!(operation.shapes(None).unwrap_err(), LeftOut::Everything);
    }
}
