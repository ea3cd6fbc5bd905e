//! Where durable data live, and how the store is reached.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Secret, Span};

/// Settings of the store.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Written")]
pub struct StoreSettings {
    /// Which store.
    pub home: StoreHome,
    /// Whether the declared indexes exist. Without them, lists are read by scanning. Unique ones always exist.
    pub indexes: bool,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { home: StoreHome::Embedded { durability: Durability::Full }, indexes: true }
    }
}

/// Which store keeps the data.
#[derive(Debug, Clone)]
pub enum StoreHome {
    /// SQLite in the data folder.
    Embedded {
        /// When a write is acknowledged.
        durability: Durability,
    },
    /// MongoDB.
    Mongo(MongoSettings),
}

/// When the embedded store acknowledges a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Durability {
    /// After an fsync: survives a power cut. Writes queued together share one.
    Full,
    /// After the write reached the operating system: survives `kill -9`, not a power cut.
    Process,
}

/// How MongoDB is reached. The defaults are those of the documents.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MongoSettings {
    /// Connection string, credentials included.
    #[serde(with = "Secret")]
    pub uri: SecretString,
    /// Database, unless the connection string names one.
    pub database: String,
    /// Connections kept open.
    pub min_pool_size: u32,
    /// Connections at most, in each process.
    #[schemars(range(min = 1))]
    pub max_pool_size: u32,
    /// Time one operation may take.
    #[serde(with = "Span")]
    pub socket_timeout: Duration,
    /// Time to find a server that can serve an operation.
    #[serde(with = "Span")]
    pub selection_timeout: Duration,
    /// Which members answer reads that may be a little old.
    pub read_from: ReadFrom,
}

impl MongoSettings {
    /// The defaults for this connection string.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: SecretString::from(uri.into()),
            database: "reference".into(),
            min_pool_size: 10,
            max_pool_size: 50,
            socket_timeout: Duration::from_secs(45),
            selection_timeout: Duration::from_secs(5),
            read_from: ReadFrom::Primary,
        }
    }
}

/// Without a connection string, which then has to come from elsewhere: the command line, say.
impl Default for MongoSettings {
    fn default() -> Self {
        Self::new("")
    }
}

/// Read preference of lists and profiles; logins, sessions and everything read before a write ask the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReadFrom {
    /// The primary only.
    Primary,
    /// The primary while there is one.
    PrimaryPreferred,
    /// Secondaries only.
    Secondary,
    /// Secondaries while there are any.
    SecondaryPreferred,
    /// Whichever is nearest.
    Nearest,
}

/// The store as a file names it: embedded, unless there is a MongoDB.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Written {
    /// Whether the declared indexes exist. Without them, lists are read by scanning. Unique ones always exist.
    indexes: bool,
    /// When the embedded store acknowledges a write.
    durability: Durability,
    /// MongoDB, to keep the data there.
    #[serde(skip_serializing_if = "Option::is_none")]
    mongodb: Option<MongoSettings>,
}

impl Default for Written {
    fn default() -> Self {
        StoreSettings::default().into()
    }
}

impl From<Written> for StoreSettings {
    fn from(Written { indexes, durability, mongodb }: Written) -> Self {
        let embedded = StoreHome::Embedded { durability };
        Self { home: mongodb.map_or(embedded, StoreHome::Mongo), indexes }
    }
}

impl From<StoreSettings> for Written {
    fn from(StoreSettings { home, indexes }: StoreSettings) -> Self {
        match home {
            StoreHome::Embedded { durability } => Self { indexes, durability, mongodb: None },
            StoreHome::Mongo(settings) => {
                Self { indexes, durability: Durability::Full, mongodb: Some(settings) }
            }
        }
    }
}
