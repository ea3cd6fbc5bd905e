//! Notifications and their read state.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, count, overfull, person, timestamp};
use crate::domain::{Notification, NotificationId, NotificationKind, Page, PageRequest, Timestamp, UserId};
use crate::store::{Answer, NotificationStore, StoreError};

impl NotificationStore for SqliteStore {
    fn notifications(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Notification>> {
        self.read(move |db| list(db, user, page))
    }

    fn unread(&self, user: UserId) -> Answer<'_, u64> {
        self.read(move |db| unread(db, user))
    }

    fn mark_read(&self, user: UserId) -> Answer<'_, u64> {
        self.write(move |db| mark_read(db, user))
    }
}

pub fn add(
    db: &Connection,
    id: NotificationId,
    user: UserId,
    kind: NotificationKind,
    actor: UserId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO notifications (id, user, kind, actor, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let now = Timestamp::now().micros();
    db.prepare_cached(sql)?.execute(params![
        id.as_bytes(),
        user.as_bytes(),
        stored(kind),
        actor.as_bytes(),
        now
    ])?;
    Ok(())
}

pub fn list(db: &Connection, user: UserId, page: PageRequest) -> Result<Page<Notification>, StoreError> {
    let sql = "SELECT n.id, n.kind, n.created_at, n.read, u.id, u.username, u.name
               FROM notifications n JOIN users u ON u.id = n.actor
               WHERE n.user = ?1 AND n.id < ?2 ORDER BY n.id DESC LIMIT ?3";
    let parameters = params![user.as_bytes(), before(&page), overfull(&page)];
    let found = all(db, sql, parameters, read)?;
    Ok(Page::from_overfull(found, page.limit, |notification| *notification.id.as_bytes()))
}

pub fn unread(db: &Connection, user: UserId) -> Result<u64, StoreError> {
    count(db, "SELECT count(*) FROM notifications WHERE user = ?1 AND read = 0", [user.as_bytes()])
}

pub fn mark_read(db: &Connection, user: UserId) -> Result<u64, StoreError> {
    let sql = "UPDATE notifications SET read = 1 WHERE user = ?1 AND read = 0";
    Ok(db.prepare_cached(sql)?.execute([user.as_bytes()])? as u64)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Notification> {
    Ok(Notification {
        id: NotificationId::from_bytes(row.get(0)?),
        kind: kind(row, 1)?,
        created_at: timestamp(row, 2)?,
        read: row.get(3)?,
        actor: person(row, 4)?,
    })
}

fn stored(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::Follow => "follow",
    }
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<NotificationKind> {
    match row.get_ref(column)?.as_str()? {
        "follow" => Ok(NotificationKind::Follow),
        _ => Err(rusqlite::Error::InvalidColumnType(column, "kind".into(), Type::Text)),
    }
}
