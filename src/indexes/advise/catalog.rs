//! The collections as advice sees them: what exists, what is declared to come, what a query is compared by.

use std::collections::BTreeMap;

use bson::Document;

use super::serving::serves;
use super::shape::Shape;
use crate::indexes::index::{ID_INDEX, Index, Key, Kind, Options};
use crate::indexes::live::{LiveCollection, LiveDatabase};
use crate::indexes::spec::{CollectionSpec, Spec};

/// The collections by database and name.
#[derive(Debug, Default)]
pub struct Catalog {
    collections: BTreeMap<(String, String), Collection>,
}

/// One collection.
#[derive(Debug, Clone)]
pub struct Collection {
    /// The indexes that are there, without the one on `_id`.
    pub live: Vec<Index>,
    /// The indexes that are declared and not there yet.
    pub to_come: Vec<Index>,
    /// Names of indexes that are declared to go.
    pub absent: Vec<String>,
    /// Names of indexes that a declared query asks for, of the live ones.
    pub wanted: Vec<String>,
    /// The lines of the specification that declare live indexes.
    pub declared: BTreeMap<String, usize>,
    /// The collation that queries and indexes take when they name none.
    pub collation: Option<Document>,
    /// Whether it is a time series, whose indexes are of another kind.
    pub is_time_series: bool,
}

impl Catalog {
    /// The collections of these databases, with what a specification says of them.
    pub fn new(databases: &[LiveDatabase], spec: Option<&Spec>) -> Self {
        let mut collections = BTreeMap::new();
        for database in databases {
            for (name, live) in &database.collections {
                let declared = spec.and_then(|spec| spec.collection(&database.name, name));
                collections.insert((database.name.clone(), name.clone()), Collection::new(live, declared));
            }
        }
        Self { collections }
    }

    /// A collection, if it is one that advice is for.
    pub fn get(&self, database: &str, collection: &str) -> Option<&Collection> {
        self.collections.get(&(database.to_owned(), collection.to_owned()))
    }

    /// All of them: database, collection, and what is known.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Collection)> {
        self.collections.iter().map(|((database, name), found)| (database.as_str(), name.as_str(), found))
    }
}

impl Collection {
    fn new(live: &LiveCollection, spec: Option<&CollectionSpec>) -> Self {
        let known: Vec<Index> = live.known().filter(|index| !index.options.clustered).cloned().collect();
        let mut collection = Self {
            live: known,
            to_come: Vec::new(),
            absent: spec.map(|spec| spec.absent.clone()).unwrap_or_default(),
            wanted: Vec::new(),
            declared: BTreeMap::new(),
            collation: live.collation.clone(),
            is_time_series: live.is_time_series,
        };
        let queries = spec.into_iter().flat_map(|spec| &spec.queries);
        let named: Vec<&String> = queries.filter_map(|query| query.index.as_ref()).collect();
        for declared in spec.into_iter().flat_map(|spec| &spec.indexes) {
            let mut index = declared.index.clone();
            if index.options.collation.is_none() {
                index.options.collation.clone_from(&collection.collation);
            }
            let there = collection.live.iter().find(|found| found.is_same_as(&index));
            match there.map(|found| found.name.clone()) {
                Some(name) => {
                    if named.contains(&&index.name) {
                        collection.wanted.push(name.clone());
                    }
                    collection.declared.insert(name, declared.place.line);
                }
                None => collection.to_come.push(index),
            }
        }
        let by_name = collection.live.iter().map(|index| &index.name).filter(|name| named.contains(name));
        let by_name: Vec<String> = by_name.cloned().collect();
        collection.wanted.extend(by_name);
        collection
    }

    /// The indexes that queries can count on: those that are there and stay, and those that are declared to come.
    pub fn lasting(&self) -> impl Iterator<Item = &Index> {
        let stays = |index: &&Index| !self.absent.contains(&index.name);
        self.live.iter().filter(stays).chain(&self.to_come)
    }

    /// An index that serves the shape, the one on `_id` among them.
    pub fn server_of(&self, shape: &Shape) -> Option<Index> {
        let by_id = Index {
            name: ID_INDEX.to_owned(),
            keys: vec![Key::new("_id", Kind::Ascending)],
            options: Options { unique: true, collation: self.collation.clone(), ..Options::default() },
        };
        let found = self.lasting().find(|index| serves(index, shape)).cloned();
        found.or_else(|| serves(&by_id, shape).then_some(by_id))
    }
}
