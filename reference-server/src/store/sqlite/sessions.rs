//! Sessions and their refresh tokens.

use rusqlite::{Connection, params};

use super::row::one;
use super::{SqliteStore, accounts};
use crate::domain::{Account, NewAccount, NewSession, Rotated, Rotation, SessionId, Timestamp, UserId};
use crate::store::{Answer, SessionStore, StoreError};

impl SessionStore for SqliteStore {
    fn open_session(&self, session: NewSession) -> Answer<'_, ()> {
        self.write(move |db| open(db, &session))
    }

    fn rotate_session(&self, rotation: Rotation) -> Answer<'_, Rotated> {
        self.write(move |db| rotate(db, &rotation))
    }

    fn close_session(&self, session: SessionId) -> Answer<'_, ()> {
        self.write(move |db| close(db, session))
    }

    fn close_sessions(&self, user: UserId) -> Answer<'_, ()> {
        self.write(move |db| close_all(db, user))
    }

    fn put_administrator(&self, account: NewAccount) -> Answer<'_, ()> {
        self.write(move |db| put_administrator(db, &account))
    }

    fn sweep_sessions(&self, now: Timestamp) -> Answer<'_, u64> {
        self.write(move |db| sweep(db, now))
    }
}

fn open(db: &Connection, NewSession { id, user, token, expires_at }: &NewSession) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO sessions (id, user, token, expires_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.as_bytes(), user.as_bytes(), token, expires_at.micros()])?;
    Ok(())
}

fn rotate(db: &Connection, rotation: &Rotation) -> Result<Rotated, StoreError> {
    let Rotation { session, used, next, now, expires_at } = rotation;
    let Some((good, expiry, account)) = find(db, *session)? else { return Ok(Rotated::Unknown) };
    if expiry <= *now {
        return Ok(Rotated::Unknown);
    }
    if good != *used {
        close(db, *session)?;
        return Ok(Rotated::Replayed);
    }
    db.prepare_cached("UPDATE sessions SET token = ?2, expires_at = ?3 WHERE id = ?1")?.execute(params![
        session.as_bytes(),
        next,
        expires_at.micros()
    ])?;
    Ok(Rotated::Renewed(account))
}

fn find(db: &Connection, session: SessionId) -> Result<Option<([u8; 32], Timestamp, Account)>, StoreError> {
    let sql = "SELECT token, expires_at, username FROM sessions JOIN users ON users.id = sessions.user
               WHERE sessions.id = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get(0)?, Timestamp::from_micros(row.get(1)?), row.get::<_, String>(2)?))
    };
    let Some((token, expires_at, username)) = one(db, sql, [session.as_bytes()], read)? else {
        return Ok(None);
    };
    Ok(accounts::find(db, &username)?.map(|account| (token, expires_at, account)))
}

pub fn close(db: &Connection, session: SessionId) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([session.as_bytes()])?;
    Ok(())
}

pub fn close_all(db: &Connection, user: UserId) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM sessions WHERE user = ?1")?.execute([user.as_bytes()])?;
    Ok(())
}

fn put_administrator(db: &Connection, account: &NewAccount) -> Result<(), StoreError> {
    let Some(found) = accounts::find(db, &account.person.username)? else {
        return accounts::create(db, account);
    };
    let id = found.person.id;
    db.prepare_cached("UPDATE users SET role = ?2, active = TRUE, password_hash = ?3 WHERE id = ?1")?
        .execute(params![id.as_bytes(), account.role.as_str(), account.password_hash])?;
    close_all(db, id)
}

fn sweep(db: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    let swept = db.prepare_cached("DELETE FROM sessions WHERE expires_at <= ?1")?.execute([now.micros()])?;
    Ok(swept as u64)
}
