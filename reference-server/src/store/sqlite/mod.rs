//! The embedded store: SQLite in WAL mode, which several processes may open at the same time.
//!
//! Writes go through one connection on its own thread, which commits queued writes together (`writer`).
//! Reads use a small pool (`readers`), each in one read transaction.

mod accounts;
mod bulk;
mod case_chats;
mod cases;
mod comments;
mod conditions;
mod connection;
mod consultations;
mod dashboard;
mod directory;
mod follows;
mod index;
mod likes;
mod messages;
mod notifications;
mod operations;
#[cfg(test)]
mod plan;
mod posts;
mod readers;
mod row;
mod schema;
mod sessions;
mod uploads;
mod writer;

use std::path::Path;

pub use connection::{is_busy, store_file};
use readers::Readers;
use rusqlite::Connection;
use writer::Writer;

use super::{Answer, StoreError};
use crate::config::Durability;
use crate::telemetry::Telemetry;

/// A store in one SQLite file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, creating it and bringing its schema up to date when needed.
    pub fn open(file: &Path, durability: Durability) -> Result<Self, StoreError> {
        let mut connection = connection::open(file, durability)?;
        schema::migrate(&mut connection)?;
        connection.busy_timeout(connection::BUSY_TIMEOUT)?;
        let readers = Readers::open(file, durability)?;
        Ok(Self { writer: Writer::start(connection)?, readers })
    }

    /// The same store, its pool measured.
    pub fn measured(mut self, telemetry: &Telemetry) -> Self {
        self.readers.measure(telemetry);
        self
    }

    fn write<'a, T: Send + 'static>(
        &'a self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.writer.submit(change))
    }

    fn read<'a, T: Send + 'static>(
        &'a self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.readers.run(query))
    }
}

#[cfg(test)]
mod tests {
    use super::super::suite;
    use super::*;
    use crate::domain::Role;
    use crate::store::{AccountStore, OperationStore};

    fn open(dir: &Path) -> SqliteStore {
        SqliteStore::open(&dir.join("test.db"), Durability::Full).unwrap()
    }

    #[tokio::test]
    async fn keeps_what_every_store_promises() {
        for indexes in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            store.declare_indexes(indexes).await.unwrap();
            suite::run(&store).await;
        }
    }

    #[tokio::test]
    async fn a_file_of_the_first_version_becomes_one_of_this() {
        let dir = tempfile::tempdir().unwrap();
        let raw = Connection::open(dir.path().join("test.db")).unwrap();
        raw.execute_batch(include_str!("schema/1.sql")).unwrap();
        raw.execute_batch(
            "INSERT INTO users VALUES (zeroblob(16), 'old', 'Old', NULL, NULL, 0),
                                      (randomblob(16), 'fan', 'Fan', NULL, NULL, 0);
             INSERT INTO follows SELECT id, zeroblob(16), randomblob(16) FROM users WHERE username = 'fan';
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(raw);
        let profile = open(dir.path()).profile_by_username("old").await.unwrap().unwrap();
        assert_eq!((profile.followers, profile.following), (1, 0));
        assert_eq!((profile.role, profile.active), (Role::Citizen, true));
    }

    #[tokio::test]
    async fn data_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let left = suite::leave_data(&open(dir.path())).await;
        suite::find_data(&open(dir.path()), &left).await;
    }

    #[tokio::test]
    async fn two_open_stores_see_each_others_writes() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (open(dir.path()), open(dir.path()));
        let left = suite::leave_data(&one).await;
        suite::find_data(&other, &left).await;
        let secret = one.secret("token", vec![1]).await.unwrap();
        assert_eq!(other.secret("token", vec![2]).await.unwrap(), secret);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        let raw = Connection::open(dir.path().join("test.db")).unwrap();
        raw.pragma_update(None, "user_version", 99).unwrap();
        let refused = SqliteStore::open(&dir.path().join("test.db"), Durability::Full);
        assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, .. })));
    }
}
