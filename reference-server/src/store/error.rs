//! How a store fails, in words that do not depend on which store it is.

use super::{mongo, sqlite};

/// A store that refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is in use.
    #[error("this {0} is in use")]
    Taken(&'static str),
    /// The record that the change refers to does not exist.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The record belongs to another account.
    #[error("this {0} is somebody else's")]
    Forbidden(&'static str),
    /// The data were written by a newer version of this program.
    #[error(
        "the store has schema version {found} and this program knows {known}: use the newer program, \
         or another --data directory"
    )]
    NewerSchema {
        /// Version in the file.
        found: i64,
        /// Newest version that this program can use.
        known: i64,
    },
    /// A directory or file could not be made.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// MongoDB failed, or cannot be reached.
    #[error("MongoDB: {0}")]
    Mongo(Box<mongodb::error::Error>),
    /// A connection string that no driver understands. It is not quoted: it may hold a password.
    #[error(
        "the connection string for `{0}` is not valid: it must be \
         mongodb://[user:password@]host[:port][/database][?options], special characters of the password \
         percent-encoded"
    )]
    ConnectionString(String),
    /// A document has another shape than this program writes.
    #[error("a document's field `{0}` has another type than this program writes: restore it from a backup")]
    Document(&'static str),
    /// A call took longer than the store's timeout.
    #[error("the store did not answer within {0:?}")]
    Slow(std::time::Duration),
    /// The store's own threads have ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the store is out of reach for now, so that the same call may succeed later.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Mongo(failure) => mongo::is_away(failure),
            Self::Database(failure) => sqlite::is_busy(failure),
            Self::Slow(_) => true,
            _ => false,
        }
    }
}
