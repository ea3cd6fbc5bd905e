//! The follow graph.

use rusqlite::{Connection, params};

use super::SqliteStore;
use super::notifications;
use super::row::{all, before, count, overfull, person, require_user};
use crate::domain::{Follow, NotificationId, NotificationKind, Page, PageRequest, Person, UserId};
use crate::store::{Answer, FollowStore, StoreError};

impl FollowStore for SqliteStore {
    fn follow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow> {
        self.write(move |db| follow(db, follower, followed))
    }

    fn unfollow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow> {
        self.write(move |db| unfollow(db, follower, followed))
    }

    fn followers(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| followers(db, user, page))
    }

    fn following(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| following(db, user, page))
    }
}

pub fn follow(db: &Connection, follower: UserId, followed: UserId) -> Result<Follow, StoreError> {
    require_user(db, followed)?;
    let edge = NotificationId::new();
    let sql = "INSERT OR IGNORE INTO follows (follower, followed, id) VALUES (?1, ?2, ?3)";
    let parameters = params![follower.as_bytes(), followed.as_bytes(), edge.as_bytes()];
    let added = db.prepare_cached(sql)?.execute(parameters)?;
    if added == 1 {
        notifications::add(db, edge, followed, NotificationKind::Follow, follower)?;
    }
    Ok(Follow { following: true, followers: count_followers(db, followed)? })
}

pub fn unfollow(db: &Connection, follower: UserId, followed: UserId) -> Result<Follow, StoreError> {
    require_user(db, followed)?;
    db.prepare_cached("DELETE FROM follows WHERE follower = ?1 AND followed = ?2")?
        .execute([follower.as_bytes(), followed.as_bytes()])?;
    Ok(Follow { following: false, followers: count_followers(db, followed)? })
}

fn count_followers(db: &Connection, followed: UserId) -> Result<u64, StoreError> {
    count(db, "SELECT count(*) FROM follows WHERE followed = ?1", [followed.as_bytes()])
}

pub fn followers(db: &Connection, user: UserId, page: PageRequest) -> Result<Page<Person>, StoreError> {
    let sql = "SELECT u.id, u.username, u.name, f.id FROM follows f JOIN users u ON u.id = f.follower
               WHERE f.followed = ?1 AND f.id < ?2 ORDER BY f.id DESC LIMIT ?3";
    people(db, sql, user, page)
}

pub fn following(db: &Connection, user: UserId, page: PageRequest) -> Result<Page<Person>, StoreError> {
    let sql = "SELECT u.id, u.username, u.name, f.id FROM follows f JOIN users u ON u.id = f.followed
               WHERE f.follower = ?1 AND f.id < ?2 ORDER BY f.id DESC LIMIT ?3";
    people(db, sql, user, page)
}

fn people(db: &Connection, sql: &str, user: UserId, page: PageRequest) -> Result<Page<Person>, StoreError> {
    require_user(db, user)?;
    let parameters = params![user.as_bytes(), before(&page), overfull(&page)];
    let edges = all(db, sql, parameters, |row| Ok((person(row, 0)?, row.get::<_, [u8; 16]>(3)?)))?;
    let Page { items, next_cursor } = Page::from_overfull(edges, page.limit, |(_, edge)| *edge);
    Ok(Page { items: items.into_iter().map(|(person, _)| person).collect(), next_cursor })
}
