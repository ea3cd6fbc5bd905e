//! Accounts, and the secrets of the application.

use rusqlite::{Connection, ErrorCode, Row, params};

use super::SqliteStore;
use super::row::{count, one, person, timestamp};
use crate::domain::{Account, NewAccount, Profile, UserId};
use crate::store::{AccountStore, Answer, StoreError};

impl AccountStore for SqliteStore {
    fn create_account(&self, account: NewAccount) -> Answer<'_, ()> {
        self.write(move |db| create(db, &account))
    }

    fn find_account(&self, username: &str) -> Answer<'_, Option<Account>> {
        let username = username.to_owned();
        self.read(move |db| find(db, &username))
    }

    fn profile(&self, user: UserId) -> Answer<'_, Option<Profile>> {
        self.read(move |db| profile(db, user))
    }

    fn profile_by_username(&self, username: &str) -> Answer<'_, Option<Profile>> {
        let username = username.to_owned();
        self.read(move |db| profile_by_username(db, &username))
    }
}

pub fn create(db: &Connection, account: &NewAccount) -> Result<(), StoreError> {
    let sql = "INSERT INTO users (id, username, name, email, password_hash, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let NewAccount { person, email, password_hash, created_at } = account;
    let inserted = db.prepare_cached(sql)?.execute(params![
        person.id.as_bytes(),
        person.username.as_ref(),
        person.name.as_ref(),
        email,
        password_hash,
        created_at.micros()
    ]);
    inserted.map(drop).map_err(taken_or_failed)
}

fn taken_or_failed(failure: rusqlite::Error) -> StoreError {
    match &failure {
        rusqlite::Error::SqliteFailure(code, Some(text)) if code.code == ErrorCode::ConstraintViolation => {
            if text.ends_with("users.email") {
                return StoreError::Taken("email");
            }
            if text.ends_with("users.username") {
                return StoreError::Taken("username");
            }
            failure.into()
        }
        _ => failure.into(),
    }
}

pub fn find(db: &Connection, username: &str) -> Result<Option<Account>, StoreError> {
    let sql = "SELECT id, username, name, password_hash FROM users WHERE username = ?1";
    one(db, sql, [username], |row| Ok(Account { person: person(row, 0)?, password_hash: row.get(3)? }))
}

pub fn profile(db: &Connection, user: UserId) -> Result<Option<Profile>, StoreError> {
    let sql = "SELECT id, username, name, created_at FROM users WHERE id = ?1";
    one(db, sql, [user.as_bytes()], without_counts)?.map(|found| with_counts(db, found)).transpose()
}

pub fn profile_by_username(db: &Connection, username: &str) -> Result<Option<Profile>, StoreError> {
    let sql = "SELECT id, username, name, created_at FROM users WHERE username = ?1";
    one(db, sql, [username], without_counts)?.map(|found| with_counts(db, found)).transpose()
}

fn without_counts(row: &Row<'_>) -> rusqlite::Result<Profile> {
    Ok(Profile { person: person(row, 0)?, created_at: timestamp(row, 3)?, followers: 0, following: 0 })
}

fn with_counts(db: &Connection, found: Profile) -> Result<Profile, StoreError> {
    let id = found.person.id.as_bytes();
    let followers = count(db, "SELECT count(*) FROM follows WHERE followed = ?1", [id])?;
    let following = count(db, "SELECT count(*) FROM follows WHERE follower = ?1", [id])?;
    Ok(Profile { followers, following, ..found })
}
