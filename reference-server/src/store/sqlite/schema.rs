//! Tables and indexes. `user_version` counts the migrations that a file has seen.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

/// Each brings a file from its index to the next version. Published ones never change.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
];

/// Brings a file up to date; another process may do the same at the same time.
pub fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    let pending = usize::try_from(found).ok().and_then(|seen| MIGRATIONS.get(seen..));
    for migration in pending.ok_or(StoreError::NewerSchema { found, known })? {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}
