//! One connection and the settings that every connection needs.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use crate::config::Durability;
use crate::store::StoreError;

const FILE_NAME: &str = "reference.db";

/// How long a connection waits for another process's write to end.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same while a store is opened: another process may be making its tables on a slow disk.
const OPENING_TIMEOUT: Duration = Duration::from_secs(30);

/// Between two attempts at what SQLite itself does not wait for.
const PAUSE: Duration = Duration::from_millis(5);

/// Statements that a connection keeps prepared: more than the store has.
const STATEMENTS: usize = 256;

/// The file of a store at a place that may be a directory or a file ending in `.db`.
pub fn store_file(place: &Path) -> PathBuf {
    if place.is_file() || place.extension().is_some_and(|extension| extension == "db") {
        return place.to_owned();
    }
    place.join(FILE_NAME)
}

/// Opens the file, and creates the directories that lead to it. The connection is patient at first: whoever has
/// opened the store with it sets [`BUSY_TIMEOUT`].
pub fn open(file: &Path, durability: Durability) -> Result<Connection, StoreError> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let connection = Connection::open(file)?;
    connection.busy_timeout(OPENING_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", synchronous(durability))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Of several that open a new file at once, one changes its mode; SQLite tells the others "busy" without waiting.
fn write_ahead(connection: &Connection) -> Result<(), rusqlite::Error> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && begun.elapsed() < OPENING_TIMEOUT => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

/// Whether other processes wrote for longer than this one was ready to wait.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
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
    fn a_store_that_others_write_to_is_away_for_now() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("shared.db");
        let [one, other] = [(); 2].map(|()| open(&file, Durability::Process).unwrap());
        other.busy_timeout(Duration::ZERO).unwrap();
        one.execute_batch("BEGIN IMMEDIATE").unwrap();
        let refused = other.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from).unwrap_err();
        assert!(refused.is_away(), "{refused}");
        assert!(!StoreError::from(other.execute_batch("nonsense").unwrap_err()).is_away());
    }

    #[test]
    fn many_may_open_a_new_file_at_once() {
        for _ in 0..30 {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("new.db");
            thread::scope(|scope| {
                let openings = [(); 8].map(|()| scope.spawn(|| open(&file, Durability::Process).map(drop)));
                openings.into_iter().for_each(|opening| opening.join().unwrap().unwrap());
            });
        }
    }

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
