//! The indexes of a live database as a specification has them.

use bson::doc;

use super::{ImportNote, ImportReport, ImportedCollection, ImportedIndex, NoteKind};
use crate::indexes::IndexError;
use crate::indexes::index::{Index, Kind, default_name};
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
    !index.has(Kind::Text) && !index.has(Kind::Planar)
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use snapbox::{assert_data_eq, str};

    use super::collection;
    use crate::indexes::import::{ImportReport, render};
    use crate::indexes::index::Index;
    use crate::indexes::live::{LiveCollection, LiveIndex};

    fn known(listed: &bson::Document) -> LiveIndex {
        LiveIndex::Known(Index::from_listing(listed).unwrap())
    }

    /// What no server of the tests lists: text, hashed and 2d indexes, forms from the future, a collation of the
    /// collection's own.
    #[test]
    fn every_listed_form_is_written() {
        let german = doc! { "locale": "de", "strength": 3, "version": "57.1" };
        let indexes = vec![
            known(&doc! { "v": 2, "key": { "_id": 1 }, "name": "_id_", "collation": german.clone() }),
            known(
                &doc! { "v": 2, "key": { "a": 1.0 }, "name": "a_1", "unique": true, "prepareUnique": true },
            ),
            known(&doc! { "v": 2, "key": { "b": -1 }, "name": "b_-1", "collation": german.clone() }),
            known(&doc! {
                "v": 2, "key": { "_fts": "text", "_ftsx": 1 }, "name": "words", "weights": { "t": 10, "b": 1 },
                "default_language": "none", "language_override": "language", "textIndexVersion": 3,
            }),
            known(&doc! { "v": 2, "key": { "h": "hashed" }, "name": "h_hashed", "hidden": true }),
            known(
                &doc! { "v": 2, "key": { "at": "2d" }, "name": "at_2d", "bits": 20, "min": -10.5, "max": 180.0 },
            ),
            known(
                &doc! { "v": 2, "key": { "n": 1 }, "name": "n_1", "storageEngine": { "wiredTiger": { "configString": "x" } } },
            ),
            LiveIndex::Unknown { name: "odd".to_owned(), listed: "{}".to_owned() },
        ];
        let found = LiveCollection {
            indexes,
            collation: Some(german),
            is_clustered: true,
            ..LiveCollection::default()
        };
        let mut notes = Vec::new();
        let collections = vec![collection("things", &found, &mut notes)];
        let (source, database) = ("a server".to_owned(), "app".to_owned());
        let mut report = ImportReport { source, database, collections, notes };
        let text = render::specification(&mut report).unwrap();
        assert_data_eq!(
            text,
            str![[r##"
# Indexes of a server, as `scalectl migrate indexes import` found them.
#
# Not here, or perhaps missing:
#   things: the index `odd` is in a form that is not known: {}

databases:
  app:
    collections:
      things:
        clustered: true
        indexes:
          - keys: {a: 1}
            unique: true
            collation: {locale: simple}
          - keys: {b: -1}
            collation: {locale: de}
          - keys: {b: text, t: text}
            name: words
            weights: {t: 10, b: 1}
            default_language: none
          - keys: {h: hashed}
            hidden: true
            collation: {locale: simple}
          - keys: {at: 2d}
            bits: 20
            min: -10.5
          - keys: {"n": 1}
            collation: {locale: simple}
            storageEngine: {wiredTiger: {configString: x}}

"##]]
        );
    }
}
