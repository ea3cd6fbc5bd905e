//! Seed data. Rows that are there already are passed over: they are those of an import that was cut short.

use rusqlite::{Connection, Params, params};

use super::row::one;
use super::{SqliteStore, index};
use crate::domain::PostId;
use crate::store::bulk::{
    Batch, CommentRow, ConversationRow, FollowRow, Import, LikeRow, MessageRow, NotificationRow, PostRow,
    UserRow,
};
use crate::store::{Answer, BulkStore, StoreError};

impl BulkStore for SqliteStore {
    fn begin_import(&self, plan: String) -> Answer<'_, Import> {
        self.write(move |db| begin(db, plan))
    }

    fn import(&self, batch: Batch) -> Answer<'_, ()> {
        self.write(move |db| import(db, &batch))
    }

    fn end_import(&self, indexes: bool) -> Answer<'_, ()> {
        self.write(move |db| {
            index::declare(db, indexes)?;
            db.execute("UPDATE seed SET complete = 1", [])?;
            Ok(())
        })
    }
}

pub fn begin(db: &Connection, plan: String) -> Result<Import, StoreError> {
    let seeded = "SELECT plan, complete FROM seed";
    match one(db, seeded, [], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
        Some((there, _)) if there != plan => return Ok(Import::OtherPlan(there)),
        Some((_, true)) => return Ok(Import::Complete),
        Some((_, false)) => {}
        None if one(db, "SELECT 1 FROM users LIMIT 1", [], |_| Ok(()))?.is_some() => {
            return Ok(Import::OtherData);
        }
        None => insert(db, "INSERT INTO seed (plan) VALUES (?1)", [plan])?,
    }
    index::declare(db, false)?;
    Ok(Import::Open)
}

pub fn import(db: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let Batch { users, follows, posts, likes, comments, notifications, conversations, messages } = batch;
    add_users(db, users)?;
    add_follows(db, follows)?;
    add_posts(db, posts)?;
    add_likes(db, likes)?;
    add_comments(db, comments)?;
    add_notifications(db, notifications)?;
    conversations.iter().try_for_each(|row| add_conversation(db, row))?;
    add_messages(db, messages)
}

fn add_users(db: &Connection, rows: &[UserRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO users (id, username, name, email, password_hash, role, bio, created_at, followers, following)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    rows.iter().try_for_each(|row| {
        insert(
            db,
            sql,
            params![
                row.id.as_bytes(),
                row.username,
                row.name,
                row.email,
                row.password_hash,
                row.role.as_str(),
                row.bio,
                row.created_at.micros(),
                row.followers,
                row.following
            ],
        )
    })
}

fn add_follows(db: &Connection, rows: &[FollowRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO follows (follower, followed, id)
               VALUES (?1, ?2, ?3)";
    rows.iter().try_for_each(|row| {
        insert(db, sql, params![row.follower.as_bytes(), row.followed.as_bytes(), row.id.as_bytes()])
    })
}

fn add_posts(db: &Connection, rows: &[PostRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO posts (id, author, text, created_at, likes, comments)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    rows.iter().try_for_each(|row| {
        insert(
            db,
            sql,
            params![
                row.id.as_bytes(),
                row.author.as_bytes(),
                row.text,
                row.created_at.micros(),
                row.likes,
                row.comments
            ],
        )
    })
}

fn add_likes(db: &Connection, rows: &[LikeRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO likes (post, user, id)
               VALUES (?1, ?2, ?3)";
    rows.iter().try_for_each(|row| {
        insert(db, sql, params![row.post.as_bytes(), row.user.as_bytes(), row.id.as_bytes()])
    })
}

fn add_comments(db: &Connection, rows: &[CommentRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO comments (id, post, author, text, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    rows.iter().try_for_each(|row| {
        insert(
            db,
            sql,
            params![
                row.id.as_bytes(),
                row.post.as_bytes(),
                row.author.as_bytes(),
                row.text,
                row.created_at.micros()
            ],
        )
    })
}

fn add_notifications(db: &Connection, rows: &[NotificationRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO notifications (id, user, kind, actor, subject, created_at, read)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    rows.iter().try_for_each(|row| {
        insert(
            db,
            sql,
            params![
                row.id.as_bytes(),
                row.user.as_bytes(),
                row.kind.as_str(),
                row.actor.as_bytes(),
                row.subject.as_ref().map(PostId::as_bytes),
                row.created_at.micros(),
                row.read
            ],
        )
    })
}

fn add_messages(db: &Connection, rows: &[MessageRow]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO messages (id, conversation, sender, receiver, text, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    rows.iter().try_for_each(|row| {
        insert(
            db,
            sql,
            params![
                row.id.as_bytes(),
                row.conversation.as_bytes(),
                row.from.as_bytes(),
                row.to.as_bytes(),
                row.text,
                row.created_at.micros()
            ],
        )
    })
}

fn add_conversation(db: &Connection, row: &ConversationRow) -> Result<(), StoreError> {
    let ConversationRow { id, low, high, last_message } = row;
    let sql = "INSERT OR IGNORE INTO conversations (id, low, high) VALUES (?1, ?2, ?3)";
    insert(db, sql, [id.as_bytes(), low.0.as_bytes(), high.0.as_bytes()])?;
    let member =
        "INSERT OR IGNORE INTO members (conversation, user, last_message, unread) VALUES (?1, ?2, ?3, ?4)";
    [low, high].into_iter().try_for_each(|(user, unread)| {
        insert(db, member, params![id.as_bytes(), user.as_bytes(), last_message.as_bytes(), unread])
    })
}

fn insert(db: &Connection, sql: &str, row: impl Params) -> Result<(), StoreError> {
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Durability;
    use crate::seed::SeedPlan;
    use crate::seed::tests::batches;
    use crate::store::suite::bulk;

    fn open(dir: &Path, name: &str) -> SqliteStore {
        SqliteStore::open(&dir.join(name), Durability::Process).unwrap()
    }

    fn raw(dir: &Path, name: &str) -> Connection {
        Connection::open(dir.join(name)).unwrap()
    }

    #[tokio::test]
    async fn the_same_plan_gives_the_same_data_and_it_is_all_there() {
        let dir = tempfile::tempdir().unwrap();
        let one = bulk::run(&open(dir.path(), "one.db")).await;
        assert_eq!(bulk::run(&open(dir.path(), "other.db")).await, one);
        bulk::refuses_other_data(&open(dir.path(), "used.db")).await;
        let db = raw(dir.path(), "one.db");
        let dangling = db.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
        assert!(!dangling, "a row refers to nothing");
    }

    #[tokio::test]
    async fn an_import_that_was_cut_short_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let plan: SeedPlan = bulk::PLAN.parse().unwrap();
        let whole = bulk::run(&open(dir.path(), "whole.db")).await;
        let store = open(dir.path(), "cut.db");
        assert_eq!(store.begin_import(plan.to_string()).await.unwrap(), Import::Open);
        let mut cut = batches(&plan).swap_remove(0);
        cut.posts.truncate(100);
        cut.likes.clear();
        cut.comments.clear();
        cut.notifications.clear();
        store.import(cut).await.unwrap();
        drop(store);
        let store = open(dir.path(), "cut.db");
        bulk::fill_with(&store, &plan).await.unwrap();
        assert_eq!(bulk::digest(&store, &plan).await, whole);
    }

    #[tokio::test]
    async fn indexes_are_declared_afterwards_unless_they_are_switched_off() {
        let dir = tempfile::tempdir().unwrap();
        let plan: SeedPlan = "users=10".parse().unwrap();
        for (name, wanted) in [("with.db", index::DECLARED.len()), ("without.db", 0)] {
            let store = open(dir.path(), name);
            let on = wanted > 0;
            crate::seed::fill(&store, on, &plan, "$".into(), |_, _| {}).await.unwrap();
            let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = ?1";
            let there = |(index, _): &&(&str, &str)| {
                raw(dir.path(), name).query_one(sql, [index], |row| row.get::<_, i64>(0)).unwrap() == 1
            };
            assert_eq!(index::DECLARED.iter().filter(there).count(), wanted, "{name}");
        }
    }
}
