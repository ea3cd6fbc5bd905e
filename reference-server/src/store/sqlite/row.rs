//! From rows to domain values.

use std::error::Error;
use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::domain::{Page, PageRequest, Person, Timestamp, UserId};
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
    Ok(db.prepare_cached(sql)?.query_row(params, |row| number(row, 0))?)
}

/// A count in one column.
pub fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
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

/// A value that is kept as a word.
pub fn word<T: FromStr<Err: Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let parsed = row.get_ref(column)?.as_str()?.parse();
    parsed.map_err(|bad: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(bad)))
}

/// A page of people, read by a query that takes the owner of the list, the place and the limit, and that
/// answers with a person in three columns and the place in the fourth.
pub fn people_of(
    db: &Connection,
    sql: &str,
    owner: &[u8; 16],
    page: PageRequest,
) -> Result<Page<Person>, StoreError> {
    let parameters = params![owner, before(&page), overfull(&page)];
    let found = all(db, sql, parameters, |row| Ok((person(row, 0)?, row.get::<_, [u8; 16]>(3)?)))?;
    Ok(Page::from_overfull(found, page.limit, |(_, place)| *place).map(|(person, _)| person))
}

/// Fails when there is no such account.
pub fn require_user(db: &Connection, user: UserId) -> Result<(), StoreError> {
    one(db, "SELECT 1 FROM users WHERE id = ?1", [user.as_bytes()], |_| Ok(()))?
        .ok_or(StoreError::Missing("user"))
}

/// Like [`person`], where there may be nobody.
pub fn optional_person(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Person>> {
    row.get::<_, Option<[u8; 16]>>(first)?.map(|_| person(row, first)).transpose()
}
