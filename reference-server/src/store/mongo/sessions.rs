//! Sessions and their refresh tokens.

use mongodb::bson::doc;

use super::collection::{SESSIONS, USERS};
use super::database::{Database, Query};
use super::value::bytes;
use super::{MongoStore, accounts};
use crate::domain::{NewAccount, NewSession, Rotated, Rotation, SessionId, Timestamp, UserId};
use crate::store::{Answer, SessionStore, StoreError};

impl SessionStore for MongoStore {
    fn open_session(&self, session: NewSession) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(open(db, session.clone())))
    }

    fn rotate_session(&self, rotation: Rotation) -> Answer<'_, Rotated> {
        self.write(move |db| Box::pin(rotate(db, rotation.clone())))
    }

    fn close_session(&self, session: SessionId) -> Answer<'_, ()> {
        self.write(move |db| {
            Box::pin(async move { db.delete(SESSIONS, doc! { "_id": session }).await.map(drop) })
        })
    }

    fn close_sessions(&self, user: UserId) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(close_all(db, user)))
    }

    fn put_administrator(&self, account: NewAccount) -> Answer<'_, ()> {
        self.transact(move |db| Box::pin(put_administrator(db, account.clone())))
    }

    fn sweep_sessions(&self, now: Timestamp) -> Answer<'_, u64> {
        let ended = doc! { "expiresAt": { "$lte": now } };
        self.write(move |db| Box::pin(db.delete_all(SESSIONS, ended.clone())))
    }
}

async fn open(db: &mut Database, session: NewSession) -> Result<(), StoreError> {
    let NewSession { id, user, token, expires_at } = session;
    let document = doc! { "_id": id, "user": user, "token": bytes(token), "expiresAt": expires_at };
    db.insert(SESSIONS, document).await
}

/// Looking at the token and replacing it are one step of the server's: of two uses one finds it.
async fn rotate(db: &mut Database, rotation: Rotation) -> Result<Rotated, StoreError> {
    let Rotation { session, used, next, now, expires_at } = rotation;
    let alive = doc! { "_id": session, "expiresAt": { "$gt": now } };
    let mut good = alive.clone();
    good.insert("token", bytes(used));
    let renewal = doc! { "$set": { "token": bytes(next), "expiresAt": expires_at } };
    let renewed = db.update_and_read(SESSIONS, good, renewal, |row| row.id::<UserId>("user")).await?;
    if let Some(user) = renewed {
        let account = accounts::find(db, doc! { "_id": user }).await?;
        return Ok(account.map_or(Rotated::Unknown, Rotated::Renewed));
    }
    Ok(if db.delete(SESSIONS, alive).await? { Rotated::Replayed } else { Rotated::Unknown })
}

async fn close_all(db: &mut Database, user: UserId) -> Result<(), StoreError> {
    db.delete_all(SESSIONS, doc! { "user": user }).await.map(drop)
}

async fn put_administrator(db: &mut Database, account: NewAccount) -> Result<(), StoreError> {
    let query = Query::new(accounts::by_username(&account.person.username)).fields(&["_id"]);
    let Some(user) = db.one(USERS, query, |row| row.id::<UserId>("_id")).await? else {
        return accounts::create(db, account).await;
    };
    let rights =
        doc! { "role": account.role.as_str(), "isActive": true, "passwordHash": account.password_hash };
    db.update(USERS, doc! { "_id": user }, doc! { "$set": rights }).await?;
    close_all(db, user).await
}
