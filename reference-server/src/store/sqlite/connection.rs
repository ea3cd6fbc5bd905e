//! One connection and the settings that every connection needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::config::Durability;
use crate::store::StoreError;

const FILE_NAME: &str = "reference.db";

/// How long a connection waits for another process's write to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared: more than the store has.
const STATEMENTS: usize = 256;

/// The file of a store at a place that may be a directory or a file ending in `.db`.
pub fn store_file(place: &Path) -> PathBuf {
    if place.is_file() || place.extension().is_some_and(|extension| extension == "db") {
        return place.to_owned();
    }
    place.join(FILE_NAME)
}

/// Opens the file, and creates the directories that lead to it.
pub fn open(file: &Path, durability: Durability) -> Result<Connection, StoreError> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous(durability))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn synchronous(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory_unless_it_says_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(store_file(dir.path()), dir.path().join(FILE_NAME));
        assert_eq!(store_file(&dir.path().join("own.db")), dir.path().join("own.db"));
        let existing = dir.path().join("odd-name");
        std::fs::write(&existing, "").unwrap();
        assert_eq!(store_file(&existing), existing);
    }
}
