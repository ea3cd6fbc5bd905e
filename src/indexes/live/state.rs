//! The indexes of a database as a server lists them.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::Database;

use super::deployment::{Deployment, Member};
use crate::digest;
use crate::indexes::IndexError;
use crate::indexes::error::code;
use crate::indexes::index::{ID_INDEX, Index, shown, shown_value};

/// Lists asked for at once: enough to hide the way to the server, few enough not to be felt there.
const AT_ONCE: usize = 16;
/// The server's word for a collection or database that is not there.
const NAMESPACE_NOT_FOUND: i32 = 26;

/// A database as it is.
#[derive(Debug, Clone, Default)]
pub struct LiveDatabase {
    /// Its name.
    pub name: String,
    /// Its collections by name; views and the server's own are left out.
    pub collections: BTreeMap<String, LiveCollection>,
    /// Names of its views: they have no indexes of their own.
    pub views: Vec<String>,
}

/// A collection as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveCollection {
    /// What tells it from another of the same name.
    pub uuid: String,
    /// Its indexes in the server's order, the one on `_id` among them.
    pub indexes: Vec<LiveIndex>,
    /// The collation that its indexes take when they name none.
    pub collation: Option<Document>,
    /// Whether it is kept by `_id` itself.
    pub is_clustered: bool,
    /// Whether it is a time series.
    pub is_time_series: bool,
}

/// An index as it is listed.
#[expect(clippy::large_enum_variant, reason = "hardly any is of the small kind")]
#[derive(Debug, Clone, PartialEq)]
pub enum LiveIndex {
    /// In a form that is understood.
    Known(Index),
    /// In a form that is not: it is never touched.
    Unknown {
        /// Its name.
        name: String,
        /// As it is listed.
        listed: String,
    },
}

impl LiveIndex {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(index) => &index.name,
            Self::Unknown { name, .. } => name,
        }
    }
}

impl LiveCollection {
    /// The indexes that are understood, without the one on `_id`.
    pub fn known(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter_map(|index| match index {
            LiveIndex::Known(index) if index.name != ID_INDEX => Some(index),
            _ => None,
        })
    }

    /// An index by its name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.known().find(|index| index.name == name)
    }
}

impl LiveDatabase {
    /// SHA-256 over all that a plan depends on: the named collections and their indexes.
    pub fn hash<'n>(&self, names: impl Iterator<Item = &'n str>) -> String {
        let mut text = String::new();
        for name in names {
            let found = self.collections.get(name).map(|collection| (&collection.uuid, &collection.indexes));
            text += &format!("{name} {found:?}\n");
        }
        digest::sha256(text.as_bytes())
    }
}

/// Lists the collections of a database and the indexes of those that `wants` accepts.
pub async fn read_database(
    deployment: &Deployment,
    name: &str,
    wants: impl Fn(&str) -> bool,
) -> Result<LiveDatabase, IndexError> {
    let database = deployment.database(name);
    let doing = format!("list the collections of {name}");
    let fault = |error: mongodb::error::Error| deployment.fault(&doing, &error);
    let command = doc! { "listCollections": 1, "cursor": { "batchSize": 10_000 } };
    let cursor = database.run_cursor_command(command).await.map_err(fault)?;
    let listed: Vec<Document> = cursor.try_collect().await.map_err(fault)?;
    let mut found = LiveDatabase { name: name.to_owned(), ..LiveDatabase::default() };
    for collection in listed {
        let name = collection.get_str("name").unwrap_or_default().to_owned();
        match collection.get_str("type") {
            Ok("view") => found.views.push(name),
            _ if name.starts_with("system.") => {}
            _ => {
                found.collections.insert(name, described(&collection));
            }
        }
    }
    let wanted: Vec<&String> = found.collections.keys().filter(|name| wants(name)).collect();
    let lists = stream::iter(wanted).map(|collection| {
        let database = &database;
        async move {
            let listed = read_indexes(database, collection).await;
            let doing = format!("list the indexes of {name}.{collection}");
            let listed = listed.map_err(|error| deployment.fault(&doing, &error))?;
            Ok::<_, IndexError>((collection.clone(), listed.unwrap_or_default()))
        }
    });
    let lists: Vec<(String, Vec<LiveIndex>)> = lists.buffer_unordered(AT_ONCE).try_collect().await?;
    for (collection, indexes) in lists {
        if let Some(collection) = found.collections.get_mut(&collection) {
            collection.indexes = indexes;
        }
    }
    Ok(found)
}

/// The indexes of a collection; nothing when the collection is not there.
pub async fn read_indexes(
    database: &Database,
    collection: &str,
) -> mongodb::error::Result<Option<Vec<LiveIndex>>> {
    let command = doc! { "listIndexes": collection, "cursor": { "batchSize": 1_000 } };
    let cursor = match database.run_cursor_command(command).await {
        Err(error) if code(&error) == Some(NAMESPACE_NOT_FOUND) => return Ok(None),
        cursor => cursor?,
    };
    let listed: Vec<Document> = cursor.try_collect().await?;
    let mut indexes: Vec<LiveIndex> = listed.iter().map(known_or_not).collect();
    indexes.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Some(indexes))
}

impl Deployment {
    /// The indexes of a collection as one member has them; nothing when it has no such collection.
    pub async fn indexes_on(
        &self,
        member: &Member,
        database: &str,
        collection: &str,
    ) -> Result<Option<Vec<LiveIndex>>, IndexError> {
        let listed = read_indexes(&member.database(database), collection).await;
        let doing = format!("list the indexes of {database}.{collection}");
        listed.map_err(|error| self.fault_of(member, &doing, &error))
    }
}

fn known_or_not(listed: &Document) -> LiveIndex {
    Index::from_listing(listed).map_or_else(
        |_| LiveIndex::Unknown {
            name: listed.get_str("name").unwrap_or_default().to_owned(),
            listed: shown(listed),
        },
        LiveIndex::Known,
    )
}

fn described(listed: &Document) -> LiveCollection {
    let options = listed.get_document("options").ok();
    let of = |name: &str| options.and_then(|options| options.get_document(name).ok());
    let uuid = listed.get_document("info").ok().and_then(|info| info.get("uuid"));
    LiveCollection {
        uuid: uuid.map(identifier).unwrap_or_default(),
        indexes: Vec::new(),
        collation: of("collation").cloned(),
        is_clustered: options.is_some_and(|options| options.contains_key("clusteredIndex")),
        is_time_series: of("timeseries").is_some(),
    }
}

fn identifier(value: &Bson) -> String {
    match value {
        Bson::Binary(binary) => binary.to_uuid().map_or_else(|_| shown_value(value), |uuid| uuid.to_string()),
        value => shown_value(value),
    }
}
