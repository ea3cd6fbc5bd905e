//! The specification: which indexes a database must have and which queries they must serve.
//!
//! [`model`] is the file as people write it, [`check`] holds it against MongoDB's rules, so that a server is never
//! asked for what it would refuse, [`Spec`] is what the rest works with. Nothing here speaks to a server.

mod check;
pub mod model;
pub mod query;

use std::path::Path;
use std::time::Duration;

pub use check::MAX_INDEXES;
pub use model::{Quorum, Unmanaged};
pub use query::{DeclaredQuery, Operation};

use self::model::{CollectionFile, DatabaseFile, SpecFile};
use super::index::{Index, Kind};
use crate::config::document::escape;
use crate::config::{Diagnostic, Document, Mistakes, Place, schema};
use crate::digest;

/// How long an index stays hidden before it is dropped, when nothing is said.
const DEFAULT_SOAK: Duration = Duration::from_secs(600);

/// A specification that MongoDB's rules allow.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file's name, as messages show it.
    pub name: String,
    /// SHA-256 of its text, in hexadecimal.
    pub hash: String,
    /// The databases, by name.
    pub databases: Vec<DatabaseSpec>,
    /// How long an index stays hidden before it is dropped.
    pub soak: Duration,
    /// How many members must have built an index before it is committed; the server's default when none.
    pub commit_quorum: Option<Quorum>,
}

/// What a database must have.
#[derive(Debug, Clone)]
pub struct DatabaseSpec {
    /// Its name.
    pub name: String,
    /// Its collections, by name.
    pub collections: Vec<CollectionSpec>,
}

/// What a collection must have.
#[derive(Debug, Clone)]
pub struct CollectionSpec {
    /// Its name.
    pub name: String,
    /// What becomes of indexes that are not named.
    pub unmanaged: Unmanaged,
    /// Whether it is kept by `_id` itself, where that was said.
    pub clustered: Option<bool>,
    /// Its indexes, in the order of the file.
    pub indexes: Vec<DeclaredIndex>,
    /// Names of indexes that must go.
    pub absent: Vec<String>,
    /// The queries that must be served.
    pub queries: Vec<DeclaredQuery>,
}

/// An index that must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredIndex {
    /// What it must be.
    pub index: Index,
    /// Whether the file names it; otherwise another name will do as well.
    pub is_named: bool,
    /// Where the file declares it.
    pub place: Place,
}

impl DeclaredIndex {
    /// What the declaration asks for in a collection: without a collation of its own an index takes the collection's.
    #[must_use]
    pub fn in_collection(&self, collation: Option<&bson::Document>) -> Self {
        let mut wanted = self.clone();
        let index = &mut wanted.index;
        // Text and 2d indexes compare by themselves.
        if !index.has(Kind::Text) && !index.has(Kind::Planar) && index.options.collation.is_none() {
            index.options.collation = collation.cloned();
        }
        wanted
    }
}

impl Spec {
    /// Reads a file and checks it whole.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        Self::from_document(&Document::load(path)?)
    }

    /// Checks a parsed file whole.
    pub fn from_document(document: &Document) -> Result<Self, Mistakes> {
        let file: SpecFile = schema::check(document)?;
        let mut found = Vec::new();
        let databases = file.databases.into_iter().map(|(name, database)| {
            let pointer = format!("/databases/{}", escape(&name));
            check::database_name(document, &pointer, &name, &mut found);
            DatabaseSpec { collections: collections(document, &pointer, database, &mut found), name }
        });
        let databases = databases.collect();
        document.verdict(found)?;
        Ok(Self {
            name: document.name.clone(),
            hash: digest::sha256(document.text.as_bytes()),
            databases,
            soak: file.soak.map_or(DEFAULT_SOAK, |soak| soak.0),
            commit_quorum: file.commit_quorum,
        })
    }

    /// The same for a database of another name; only a specification of one database can be moved.
    pub fn for_database(mut self, name: &str) -> Result<Self, Mistakes> {
        match &mut self.databases[..] {
            [only] => name.clone_into(&mut only.name),
            several => {
                let message = format!("it names {} databases; --database needs one", several.len());
                return Err(Mistakes::unplaced(&self.name, message));
            }
        }
        Ok(self)
    }

    /// What a collection must have, if it is named.
    pub fn collection(&self, database: &str, collection: &str) -> Option<&CollectionSpec> {
        let database = self.databases.iter().find(|found| found.name == database)?;
        database.collections.iter().find(|found| found.name == collection)
    }
}

fn collections(
    document: &Document,
    pointer: &str,
    database: DatabaseFile,
    found: &mut Vec<Diagnostic>,
) -> Vec<CollectionSpec> {
    let DatabaseFile { unmanaged, collections } = database;
    let of_database = unmanaged.unwrap_or_default();
    let collections = collections.into_iter().map(|(name, file)| {
        let pointer = format!("{pointer}/collections/{}", escape(&name));
        check::collection_name(document, &pointer, &name, found);
        collection(document, &pointer, name, file, of_database, found)
    });
    collections.collect()
}

fn collection(
    document: &Document,
    pointer: &str,
    name: String,
    file: CollectionFile,
    of_database: Unmanaged,
    found: &mut Vec<Diagnostic>,
) -> CollectionSpec {
    let CollectionFile { unmanaged, clustered, indexes, absent, queries } = file;
    let declared = indexes.into_iter().enumerate().filter_map(|(number, file)| {
        let pointer = format!("{pointer}/indexes/{number}");
        check::index(document, &pointer, file, found)
    });
    let indexes: Vec<DeclaredIndex> = declared.collect();
    check::together(document, pointer, &indexes, &absent, found);
    let queries = queries.into_iter().enumerate().filter_map(|(number, file)| {
        query::compile(document, &format!("{pointer}/queries/{number}"), file, &indexes, found)
    });
    let queries = queries.collect();
    let unmanaged = unmanaged.unwrap_or(of_database);
    CollectionSpec { name, unmanaged, clustered, indexes, absent, queries }
}
