//! Accounts, and the secrets of the application.

use rusqlite::{Connection, ErrorCode, Row, params};

use super::SqliteStore;
use super::row::{number, one, person, timestamp, word};
use crate::domain::{Account, NewAccount, Person, Profile, ProfileChange, UploadId, UserId};
use crate::store::{AccountStore, Answer, StoreError};

/// The columns that `read_profile` reads.
macro_rules! profile_columns {
    () => {
        "id, username, name, role, active, bio, avatar, created_at, followers, following"
    };
}

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

    fn change_profile(&self, user: UserId, change: ProfileChange) -> Answer<'_, Profile> {
        self.write(move |db| change_profile(db, user, &change))
    }

    fn people(&self, users: Vec<UserId>) -> Answer<'_, Vec<Person>> {
        self.read(move |db| people(db, &users))
    }
}

pub fn create(db: &Connection, account: &NewAccount) -> Result<(), StoreError> {
    let sql = "INSERT INTO users (id, username, name, role, active, email, password_hash, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let NewAccount { person, role, active, email, password_hash, created_at } = account;
    let inserted = db.prepare_cached(sql)?.execute(params![
        person.id.as_bytes(),
        person.username.as_ref(),
        person.name.as_ref(),
        role.as_str(),
        active,
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
    let sql = "SELECT id, username, name, role, active, password_hash FROM users WHERE username = ?1";
    one(db, sql, [username], |row| {
        let (role, active) = (word(row, 3)?, row.get(4)?);
        Ok(Account { person: person(row, 0)?, role, active, password_hash: row.get(5)? })
    })
}

pub fn profile(db: &Connection, user: UserId) -> Result<Option<Profile>, StoreError> {
    let sql = concat!("SELECT ", profile_columns!(), " FROM users WHERE id = ?1");
    one(db, sql, [user.as_bytes()], read_profile)
}

pub fn profile_by_username(db: &Connection, username: &str) -> Result<Option<Profile>, StoreError> {
    let sql = concat!("SELECT ", profile_columns!(), " FROM users WHERE username = ?1");
    one(db, sql, [username], read_profile)
}

pub fn change_profile(db: &Connection, user: UserId, change: &ProfileChange) -> Result<Profile, StoreError> {
    let sql = "UPDATE users SET name = coalesce(?2, name), bio = coalesce(?3, bio),
                      avatar = iif(?4, ?5, avatar) WHERE id = ?1";
    let ProfileChange { name, bio, avatar } = change;
    let picture = avatar.flatten();
    let picture = picture.as_ref().map(UploadId::as_bytes);
    db.prepare_cached(sql)?.execute(params![user.as_bytes(), name, bio, avatar.is_some(), picture])?;
    profile(db, user)?.ok_or(StoreError::Missing("user"))
}

/// A look-up by primary key each: SQLite answers in this process, so that many small questions cost no more
/// than a large one.
pub fn people(db: &Connection, users: &[UserId]) -> Result<Vec<Person>, StoreError> {
    let sql = "SELECT id, username, name FROM users WHERE id = ?1";
    let found =
        users.iter().filter_map(|user| one(db, sql, [user.as_bytes()], |row| person(row, 0)).transpose());
    found.collect()
}

fn read_profile(row: &Row<'_>) -> rusqlite::Result<Profile> {
    Ok(Profile {
        person: person(row, 0)?,
        role: word(row, 3)?,
        active: row.get(4)?,
        bio: row.get(5)?,
        avatar: row.get::<_, Option<[u8; 16]>>(6)?.map(UploadId::from_bytes),
        created_at: timestamp(row, 7)?,
        followers: number(row, 8)?,
        following: number(row, 9)?,
    })
}
