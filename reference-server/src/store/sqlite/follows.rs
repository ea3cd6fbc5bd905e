//! The follow graph.

use rusqlite::{Connection, params};

use super::SqliteStore;
use super::notifications::{self, Event};
use super::row::{all, count, number, people_of, person, require_user};
use crate::domain::{
    Follow, NotificationId, NotificationKind, Notified, Page, PageRequest, Person, Suggestion, UserId,
};
use crate::store::{Answer, FollowStore, StoreError};

const FOLLOWERS: &str = "
    SELECT u.id, u.username, u.name, f.id FROM follows f CROSS JOIN users u ON u.id = f.follower
    WHERE f.followed = ?1 AND f.id < ?2 ORDER BY f.id DESC LIMIT ?3";

const FOLLOWING: &str = "
    SELECT u.id, u.username, u.name, f.id FROM follows f CROSS JOIN users u ON u.id = f.followed
    WHERE f.follower = ?1 AND f.id < ?2 ORDER BY f.id DESC LIMIT ?3";

/// At most 100 of the followed and 100 of each one's followed are counted, and the 200 most followed accounts
/// fill up: whoever follows thousands costs no more.
const SUGGESTED: &str = "
    WITH friends (id) AS MATERIALIZED (
        SELECT f.followed FROM follows f WHERE f.follower = ?1 ORDER BY f.id DESC LIMIT 100),
    counted (id, common) AS MATERIALIZED (
        SELECT e.followed, count(*) FROM friends a
        CROSS JOIN follows e ON e.follower = a.id AND e.id IN (
            SELECT x.id FROM follows x WHERE x.follower = a.id ORDER BY x.id DESC LIMIT 100)
        GROUP BY e.followed),
    popular (id, common) AS MATERIALIZED (SELECT id, 0 FROM users ORDER BY followers DESC LIMIT 200)
    SELECT u.id, u.username, u.name, max(c.common) AS common, u.followers
    FROM (SELECT id, common FROM counted UNION ALL SELECT id, common FROM popular) c
    CROSS JOIN users u ON u.id = c.id
    WHERE u.active AND u.id <> ?1
      AND NOT EXISTS (SELECT 1 FROM follows WHERE follower = ?1 AND followed = u.id)
    GROUP BY u.id ORDER BY common DESC, u.followers DESC, u.id LIMIT ?2";

impl FollowStore for SqliteStore {
    fn follow(&self, follower: UserId, followed: UserId) -> Answer<'_, Notified<Follow>> {
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

    fn suggested(&self, user: UserId, limit: usize) -> Answer<'_, Vec<Suggestion>> {
        self.read(move |db| suggested(db, user, limit))
    }
}

pub fn follow(db: &Connection, follower: UserId, followed: UserId) -> Result<Notified<Follow>, StoreError> {
    require_user(db, followed)?;
    let edge = NotificationId::new();
    let sql = "INSERT INTO follows (follower, followed, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let parameters = params![follower.as_bytes(), followed.as_bytes(), edge.as_bytes()];
    let added = db.prepare_cached(sql)?.execute(parameters)? == 1;
    let told = if added {
        count_edge(db, follower, followed, 1)?;
        let event = Event { kind: NotificationKind::Follow, actor: follower, subject: None };
        notifications::add(db, edge, followed, &event)?
    } else {
        None
    };
    let outcome = Follow { following: true, followers: followers_of(db, followed)? };
    Ok(Notified { outcome, told })
}

pub fn unfollow(db: &Connection, follower: UserId, followed: UserId) -> Result<Follow, StoreError> {
    require_user(db, followed)?;
    let removed = db
        .prepare_cached("DELETE FROM follows WHERE follower = ?1 AND followed = ?2")?
        .execute([follower.as_bytes(), followed.as_bytes()])?;
    if removed == 1 {
        count_edge(db, follower, followed, -1)?;
    }
    Ok(Follow { following: false, followers: followers_of(db, followed)? })
}

fn count_edge(db: &Connection, follower: UserId, followed: UserId, change: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE users SET following = following + ?2 WHERE id = ?1")?
        .execute(params![follower.as_bytes(), change])?;
    db.prepare_cached("UPDATE users SET followers = followers + ?2 WHERE id = ?1")?
        .execute(params![followed.as_bytes(), change])?;
    Ok(())
}

fn followers_of(db: &Connection, followed: UserId) -> Result<u64, StoreError> {
    count(db, "SELECT followers FROM users WHERE id = ?1", [followed.as_bytes()])
}

pub fn followers(db: &Connection, user: UserId, page: PageRequest) -> Result<Page<Person>, StoreError> {
    require_user(db, user)?;
    people_of(db, FOLLOWERS, user.as_bytes(), page)
}

pub fn following(db: &Connection, user: UserId, page: PageRequest) -> Result<Page<Person>, StoreError> {
    require_user(db, user)?;
    people_of(db, FOLLOWING, user.as_bytes(), page)
}

pub fn suggested(db: &Connection, user: UserId, limit: usize) -> Result<Vec<Suggestion>, StoreError> {
    all(db, SUGGESTED, params![user.as_bytes(), limit as i64], |row| {
        Ok(Suggestion { person: person(row, 0)?, common: number(row, 3)?, followers: number(row, 4)? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by, plan};

    #[test]
    fn lists_of_people_read_by_index_only() {
        assert_reads_by(FOLLOWERS, "SEARCH f USING COVERING INDEX follows_by_followed (followed=? AND id<?)");
        assert_reads_by(FOLLOWING, "SEARCH f USING COVERING INDEX follows_by_follower (follower=? AND id<?)");
        for sql in [FOLLOWERS, FOLLOWING, SUGGESTED] {
            assert_costly_without_indexes(sql);
        }
    }

    #[test]
    fn suggestions_read_no_table_as_a_whole() {
        let steps = plan(SUGGESTED, true);
        let shown = steps.join("\n");
        for way in [
            "SEARCH f USING COVERING INDEX follows_by_follower (follower=?)",
            "SEARCH e USING COVERING INDEX follows_by_follower (follower=? AND id=?)",
            "SEARCH x USING COVERING INDEX follows_by_follower (follower=?)",
            "SCAN users USING COVERING INDEX users_by_followers",
        ] {
            assert!(shown.contains(way), "no '{way}' in\n{shown}");
        }
    }
}
