//! Likes of posts.

use rusqlite::{Connection, params};

use super::SqliteStore;
use super::notifications::{self, Event};
use super::posts::author_of;
use super::row::{count, people_of};
use crate::domain::{
    Like, NotificationId, NotificationKind, Notified, Page, PageRequest, Person, PostId, UserId,
};
use crate::store::{Answer, LikeStore, StoreError};

const LIKES: &str = "
    SELECT u.id, u.username, u.name, l.id FROM likes l CROSS JOIN users u ON u.id = l.user
    WHERE l.post = ?1 AND l.id < ?2 ORDER BY l.id DESC LIMIT ?3";

impl LikeStore for SqliteStore {
    fn like(&self, post: PostId, user: UserId) -> Answer<'_, Notified<Like>> {
        self.write(move |db| like(db, post, user))
    }

    fn unlike(&self, post: PostId, user: UserId) -> Answer<'_, Like> {
        self.write(move |db| unlike(db, post, user))
    }

    fn likes(&self, post: PostId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| {
            author_of(db, post)?;
            people_of(db, LIKES, post.as_bytes(), page)
        })
    }
}

pub fn like(db: &Connection, post: PostId, user: UserId) -> Result<Notified<Like>, StoreError> {
    let author = author_of(db, post)?;
    let id = NotificationId::new();
    let sql = "INSERT INTO likes (post, user, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let added = db.prepare_cached(sql)?.execute([post.as_bytes(), user.as_bytes(), id.as_bytes()])? == 1;
    let mut told = None;
    if added {
        count_like(db, post, 1)?;
        if author != user {
            let event = Event { kind: NotificationKind::Like, actor: user, subject: Some(post) };
            told = notifications::add(db, id, author, &event)?;
        }
    }
    Ok(Notified { outcome: Like { liked: true, likes: likes_of(db, post)? }, told })
}

pub fn unlike(db: &Connection, post: PostId, user: UserId) -> Result<Like, StoreError> {
    author_of(db, post)?;
    let removed = db
        .prepare_cached("DELETE FROM likes WHERE post = ?1 AND user = ?2")?
        .execute([post.as_bytes(), user.as_bytes()])?;
    if removed == 1 {
        count_like(db, post, -1)?;
    }
    Ok(Like { liked: false, likes: likes_of(db, post)? })
}

fn count_like(db: &Connection, post: PostId, change: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE posts SET likes = likes + ?2 WHERE id = ?1")?
        .execute(params![post.as_bytes(), change])?;
    Ok(())
}

fn likes_of(db: &Connection, post: PostId) -> Result<u64, StoreError> {
    count(db, "SELECT likes FROM posts WHERE id = ?1", [post.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn likes_are_read_by_index_only() {
        assert_reads_by(LIKES, "SEARCH l USING COVERING INDEX likes_by_post (post=? AND id<?)");
        assert_costly_without_indexes(LIKES);
    }
}
