//! What operators and the server itself ask.

use rusqlite::{Connection, params};

use super::SqliteStore;
use super::row::one;
use crate::store::{Answer, OperationStore, StoreError};

impl OperationStore for SqliteStore {
    fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Answer<'_, Vec<u8>> {
        self.write(move |db| secret(db, name, &fresh))
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.write(|_| Ok(())).await?;
            self.read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?)).await
        })
    }
}

fn secret(db: &Connection, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
    db.prepare_cached("INSERT OR IGNORE INTO secrets (name, value) VALUES (?1, ?2)")?
        .execute(params![name, fresh])?;
    one(db, "SELECT value FROM secrets WHERE name = ?1", [name], |row| row.get(0))?
        .ok_or(StoreError::Missing("secret"))
}
