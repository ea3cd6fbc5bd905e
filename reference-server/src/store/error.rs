//! How a store fails, in words that do not depend on which store it is.

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
    /// The store's own threads have ended.
    #[error("the store is closed")]
    Closed,
}
