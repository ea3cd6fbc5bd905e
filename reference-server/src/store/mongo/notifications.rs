//! Notifications and their read state.

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::collection::NOTIFICATIONS;
use super::database::{Database, Query};
use super::value::Row;
use crate::domain::{
    Notification, NotificationId, NotificationKind, Page, PageRequest, PostId, Timestamp, UserId,
};
use crate::store::{Answer, NotificationStore, StoreError};

impl NotificationStore for MongoStore {
    fn notifications(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Notification>> {
        self.read(move |db| Box::pin(list(db, user, page)))
    }

    fn unread(&self, user: UserId) -> Answer<'_, u64> {
        self.read(move |db| Box::pin(async move { db.count(NOTIFICATIONS, unread_of(user)).await }))
    }

    fn mark_read(&self, user: UserId) -> Answer<'_, u64> {
        self.write(move |db| Box::pin(mark_read(db, user)))
    }

    fn mark_one_read(&self, user: UserId, notification: NotificationId) -> Answer<'_, u64> {
        self.write(move |db| Box::pin(mark_one_read(db, user, notification)))
    }
}

/// What somebody did to somebody else.
pub struct Event {
    pub kind: NotificationKind,
    pub actor: UserId,
    pub subject: Option<PostId>,
}

/// Tells an account, unless it was told of the same like before.
pub async fn add(
    db: &mut Database,
    id: NotificationId,
    user: UserId,
    event: &Event,
) -> Result<Option<(UserId, Notification)>, StoreError> {
    let Event { kind, actor, subject } = *event;
    let Some(actor) = db.people(vec![actor]).await?.remove(&actor) else { return Ok(None) };
    let notification = Notification { id, kind, actor, subject, created_at: Timestamp::now(), read: false };
    let mut fresh = document(user, &notification);
    if kind == NotificationKind::Like {
        let keys = ["type", "actor", "subject"];
        let same = keys.into_iter().filter_map(|key| Some((key.to_owned(), fresh.remove(key)?))).collect();
        if !db.insert_unless(NOTIFICATIONS, same, fresh).await? {
            return Ok(None);
        }
    } else {
        db.insert(NOTIFICATIONS, fresh).await?;
    }
    Ok(Some((user, notification)))
}

/// The document of a notification that an account gets.
pub fn document(user: UserId, notification: &Notification) -> Document {
    doc! {
        "_id": notification.id,
        "user": user,
        "type": notification.kind.as_str(),
        "actor": notification.actor.id,
        "subject": notification.subject,
        "read": notification.read,
        "createdAt": notification.created_at,
    }
}

fn unread_of(user: UserId) -> Document {
    doc! { "user": user, "read": false }
}

async fn mark_read(db: &mut Database, user: UserId) -> Result<u64, StoreError> {
    db.update_all(NOTIFICATIONS, unread_of(user), doc! { "$set": { "read": true } }).await
}

async fn mark_one_read(
    db: &mut Database,
    user: UserId,
    notification: NotificationId,
) -> Result<u64, StoreError> {
    let own = doc! { "_id": notification, "user": user };
    let unread = doc! { "_id": notification, "user": user, "read": false };
    let marked = db.update_all(NOTIFICATIONS, unread, doc! { "$set": { "read": true } }).await?;
    if marked == 0 && !db.exists(NOTIFICATIONS, own).await? {
        return Err(StoreError::Missing("notification"));
    }
    Ok(marked)
}

async fn list(db: &mut Database, user: UserId, page: PageRequest) -> Result<Page<Notification>, StoreError> {
    let found = db.all(NOTIFICATIONS, Query::page(doc! { "user": user }, "_id", &page), read).await?;
    let found = Page::from_overfull(found, page.limit, |notification| *notification.id.as_bytes());
    db.with_people(found, |told| told.actor.id, |told, actor| Notification { actor, ..told }).await
}

fn read(row: &Row<'_>) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: row.id("_id")?,
        kind: row.word("type")?,
        actor: row.nameless("actor")?,
        subject: row.optional("subject", Row::id)?,
        created_at: row.time("createdAt")?,
        read: row.flag("read")?,
    })
}
