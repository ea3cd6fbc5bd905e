//! Notifications and their read state.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, count, one, overfull, person, timestamp, word};
use crate::domain::{
    Notification, NotificationId, NotificationKind, Page, PageRequest, PostId, Timestamp, UserId,
};
use crate::store::{Answer, NotificationStore, StoreError};

const LIST: &str = "
    SELECT n.id, n.kind, n.subject, n.created_at, n.read, u.id, u.username, u.name
    FROM notifications n CROSS JOIN users u ON u.id = n.actor
    WHERE n.user = ?1 AND n.id < ?2 ORDER BY n.id DESC LIMIT ?3";

const UNREAD: &str = "SELECT count(*) FROM notifications WHERE user = ?1 AND read = 0";

const MARK_READ: &str = "UPDATE notifications SET read = 1 WHERE user = ?1 AND read = 0";

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

    fn mark_one_read(&self, user: UserId, notification: NotificationId) -> Answer<'_, u64> {
        self.write(move |db| mark_one_read(db, user, notification))
    }
}

/// What somebody did to somebody else.
pub struct Event {
    pub kind: NotificationKind,
    pub actor: UserId,
    pub subject: Option<PostId>,
}

/// Tells an account, unless it was told before.
pub fn add(
    db: &Connection,
    id: NotificationId,
    user: UserId,
    event: &Event,
) -> Result<Option<(UserId, Notification)>, StoreError> {
    let Event { kind, actor, subject } = event;
    let sql = "INSERT INTO notifications (id, user, kind, actor, subject, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let added = db.prepare_cached(sql)?.execute(params![
        id.as_bytes(),
        user.as_bytes(),
        kind.as_str(),
        actor.as_bytes(),
        subject.as_ref().map(PostId::as_bytes),
        Timestamp::now().micros()
    ])?;
    if added == 0 {
        return Ok(None);
    }
    Ok(find(db, id)?.map(|notification| (user, notification)))
}

fn find(db: &Connection, id: NotificationId) -> Result<Option<Notification>, StoreError> {
    let sql = "SELECT n.id, n.kind, n.subject, n.created_at, n.read, u.id, u.username, u.name
               FROM notifications n CROSS JOIN users u ON u.id = n.actor WHERE n.id = ?1";
    one(db, sql, [id.as_bytes()], read)
}

pub fn list(db: &Connection, user: UserId, page: PageRequest) -> Result<Page<Notification>, StoreError> {
    let found = all(db, LIST, params![user.as_bytes(), before(&page), overfull(&page)], read)?;
    Ok(Page::from_overfull(found, page.limit, |notification| *notification.id.as_bytes()))
}

pub fn unread(db: &Connection, user: UserId) -> Result<u64, StoreError> {
    count(db, UNREAD, [user.as_bytes()])
}

pub fn mark_read(db: &Connection, user: UserId) -> Result<u64, StoreError> {
    Ok(db.prepare_cached(MARK_READ)?.execute([user.as_bytes()])? as u64)
}

pub fn mark_one_read(db: &Connection, user: UserId, notification: NotificationId) -> Result<u64, StoreError> {
    let sql = "SELECT 1 FROM notifications WHERE id = ?1 AND user = ?2";
    let key = [notification.as_bytes(), user.as_bytes()];
    one(db, sql, key, |_| Ok(()))?.ok_or(StoreError::Missing("notification"))?;
    let sql = "UPDATE notifications SET read = 1 WHERE id = ?1 AND read = 0";
    Ok(db.prepare_cached(sql)?.execute([notification.as_bytes()])? as u64)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Notification> {
    Ok(Notification {
        id: NotificationId::from_bytes(row.get(0)?),
        kind: word(row, 1)?,
        subject: row.get::<_, Option<[u8; 16]>>(2)?.map(PostId::from_bytes),
        created_at: timestamp(row, 3)?,
        read: row.get(4)?,
        actor: person(row, 5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn notifications_are_read_by_index_only() {
        assert_reads_by(LIST, "SEARCH n USING INDEX notifications_by_user (user=? AND id<?)");
        assert_reads_by(UNREAD, "SEARCH notifications USING COVERING INDEX notifications_unread (user=?)");
        assert_reads_by(MARK_READ, "notifications_unread (user=?)");
        for sql in [LIST, UNREAD, MARK_READ] {
            assert_costly_without_indexes(sql);
        }
    }
}
