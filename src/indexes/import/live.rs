//! The indexes of a live database as a specification has them.

use bson::doc;

use super::{ImportNote, ImportReport, ImportedCollection, ImportedIndex, NoteKind};
use crate::indexes::IndexError;
use crate::indexes::index::{Index, default_name};
use crate::indexes::live::{Deployment, LiveCollection, LiveIndex, read_database};

/// Reads all indexes of a database.
pub async fn read(deployment: &Deployment, database: &str) -> Result<ImportReport, IndexError> {
    let live = read_database(deployment, database, |_| true).await?;
    let mut notes = Vec::new();
    if live.collections.is_empty() {
        notes.push(ImportNote::unplaced(NoteKind::Remark, format!("{database} has no collections")));
    }
    let collections = live.collections.iter().map(|(name, found)| collection(name, found, &mut notes));
    let collections: Vec<ImportedCollection> = collections.collect();
    let source = deployment.name();
    Ok(ImportReport { source, database: database.to_owned(), collections, notes })
}

fn collection(name: &str, found: &LiveCollection, notes: &mut Vec<ImportNote>) -> ImportedCollection {
    for index in &found.indexes {
        if let LiveIndex::Unknown { name: index, listed } = index {
            let message = format!("{name}: the index `{index}` is in a form that is not known: {listed}");
            notes.push(ImportNote::unplaced(NoteKind::LeftOut, message));
        }
    }
    let known = found.known().filter(|index| !index.is_id());
    let indexes = known.map(|index| imported(name, index.clone(), found, notes)).collect();
    ImportedCollection { name: name.to_owned(), models: Vec::new(), clustered: found.is_clustered, indexes }
}

fn imported(
    collection: &str,
    mut index: Index,
    found: &LiveCollection,
    notes: &mut Vec<ImportNote>,
) -> ImportedIndex {
    if index.options.prepare_unique {
        index.options.prepare_unique = false;
        let message = format!(
            "{collection}: `{}` is being made unique (prepareUnique); it is written as it will be without that",
            index.name
        );
        notes.push(ImportNote::unplaced(NoteKind::Remark, message));
    }
    // Without a word of its own, an index would take the collation of the collection.
    if found.collation.is_some() && index.options.collation.is_none() && takes_collation(&index) {
        index.options.collation = Some(doc! { "locale": "simple" });
    }
    let named = index.name != default_name(&index.keys);
    ImportedIndex::new(index, named, None)
}

fn takes_collation(index: &Index) -> bool {
    use crate::indexes::index::Kind;
    !index.has(Kind::Text) && !index.has(Kind::Planar)
}
