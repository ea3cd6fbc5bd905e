//! The commands that a declared query stands for.

use bson::{Document, doc};

use crate::indexes::spec::Operation;

/// The filter of an operation that writes.
pub fn written(operation: &Operation) -> Option<&Document> {
    match operation {
        Operation::Update(filter) | Operation::Delete(filter) => Some(filter),
        _ => None,
    }
}

/// What an operation is called.
pub fn word(operation: &Operation) -> &'static str {
    match operation {
        Operation::Find { .. } => "find",
        Operation::Aggregate(_) => "aggregate",
        Operation::Count(_) => "count",
        Operation::Distinct { .. } => "distinct",
        Operation::Update(_) => "update",
        Operation::Delete(_) => "delete",
    }
}

/// The command that does an operation; the update is one that changes nothing even where it is done.
pub fn command(collection: &str, operation: &Operation, collation: Option<&Document>) -> Document {
    let mut command = match operation {
        Operation::Find { filter, sort, projection, limit, skip } => {
            let mut command = doc! { "find": collection, "filter": filter };
            command.extend(sort.as_ref().map(|sort| ("sort".to_owned(), sort.into())));
            command.extend(projection.as_ref().map(|fields| ("projection".to_owned(), fields.into())));
            command.extend(limit.map(|limit| ("limit".to_owned(), limit.into())));
            command.extend(skip.map(|skip| ("skip".to_owned(), skip.into())));
            command
        }
        Operation::Aggregate(stages) => doc! { "aggregate": collection, "pipeline": stages, "cursor": {} },
        Operation::Count(filter) => doc! { "count": collection, "query": filter },
        Operation::Distinct { key, filter } => doc! { "distinct": collection, "key": key, "query": filter },
        Operation::Update(filter) => {
            let change = doc! { "$unset": { "noFieldOfThisName": "" } };
            let mut update = doc! { "q": filter, "u": change, "multi": true };
            update.extend(collation.map(|collation| ("collation".to_owned(), collation.into())));
            return doc! { "update": collection, "updates": [update] };
        }
        Operation::Delete(filter) => {
            let mut delete = doc! { "q": filter, "limit": 0 };
            delete.extend(collation.map(|collation| ("collation".to_owned(), collation.into())));
            return doc! { "delete": collection, "deletes": [delete] };
        }
    };
    command.extend(collation.map(|collation| ("collation".to_owned(), collation.into())));
    command
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::command;
    use crate::indexes::spec::Operation;

    #[test]
    fn the_collation_stands_where_each_command_has_it() {
        let collation = doc! { "locale": "de" };
        let count = command("c", &Operation::Count(doc! { "a": 1 }), Some(&collation));
        assert_eq!(count, doc! { "count": "c", "query": { "a": 1 }, "collation": { "locale": "de" } });
        let delete = command("c", &Operation::Delete(doc! { "a": 1 }), Some(&collation));
        let expected = doc! { "q": { "a": 1 }, "limit": 0, "collation": { "locale": "de" } };
        assert_eq!(delete, doc! { "delete": "c", "deletes": [expected] });
    }
}
