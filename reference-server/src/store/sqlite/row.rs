//! From rows to domain values.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::domain::{PageRequest, Person, Timestamp, UserId};
use crate::store::StoreError;

/// Greater than every identifier: the cursor of a first page.
const NEWEST: [u8; 16] = [0xff; 16];

/// The bytes that all items of a page are older than.
pub fn before(page: &PageRequest) -> [u8; 16] {
    page.after.map_or(NEWEST, |cursor| *cursor.item())
}

/// One row more than the page holds: whether it exists decides whether there is a next page.
pub fn overfull(page: &PageRequest) -> i64 {
    i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// All rows of a query.
pub fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    Ok(db.prepare_cached(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The only row of a query, if there is one.
pub fn one<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    Ok(db.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// The number that a query counts.
pub fn count(db: &Connection, sql: &str, params: impl Params) -> Result<u64, StoreError> {
    let counted: i64 = db.prepare_cached(sql)?.query_row(params, |row| row.get(0))?;
    Ok(counted.unsigned_abs())
}

/// A person in three columns: id, username, name.
pub fn person(row: &Row<'_>, first: usize) -> rusqlite::Result<Person> {
    let (username, name): (String, String) = (row.get(first + 1)?, row.get(first + 2)?);
    Ok(Person { id: UserId::from_bytes(row.get(first)?), username: username.into(), name: name.into() })
}

/// A point in time in one column.
pub fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

/// Fails when there is no such account.
pub fn require_user(db: &Connection, user: UserId) -> Result<(), StoreError> {
    one(db, "SELECT 1 FROM users WHERE id = ?1", [user.as_bytes()], |_| Ok(()))?
        .ok_or(StoreError::Missing("user"))
}
