//! Comments on posts.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::notifications::{self, Event};
use super::posts::author_of;
use super::row::{all, before, one, overfull, person, timestamp};
use crate::domain::{
    Comment, CommentId, NotificationId, NotificationKind, Notified, Page, PageRequest, PostId, UserId,
};
use crate::store::{Answer, CommentStore, StoreError};

const COMMENTS: &str = "
    SELECT c.id, c.post, c.text, c.created_at, u.id, u.username, u.name
    FROM comments c CROSS JOIN users u ON u.id = c.author
    WHERE c.post = ?1 AND c.id < ?2 ORDER BY c.id DESC LIMIT ?3";

impl CommentStore for SqliteStore {
    fn add_comment(&self, comment: Comment) -> Answer<'_, Notified<()>> {
        self.write(move |db| add(db, &comment))
    }

    fn comments(&self, post: PostId, page: PageRequest) -> Answer<'_, Page<Comment>> {
        self.read(move |db| list(db, post, page))
    }

    fn delete_comment(&self, post: PostId, comment: CommentId, user: UserId) -> Answer<'_, ()> {
        self.write(move |db| delete(db, post, comment, user))
    }
}

pub fn add(db: &Connection, comment: &Comment) -> Result<Notified<()>, StoreError> {
    let (post, author) = (comment.post_id, comment.author.id);
    let told = author_of(db, post)?;
    let sql = "INSERT INTO comments (id, post, author, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (id, written) = (comment.id.as_bytes(), comment.created_at.micros());
    let parameters = params![id, post.as_bytes(), author.as_bytes(), comment.text, written];
    db.prepare_cached(sql)?.execute(parameters)?;
    count_comment(db, post, 1)?;
    let event = Event { kind: NotificationKind::Comment, actor: author, subject: Some(post) };
    let told = if told == author { None } else { notifications::add(db, told_of(comment.id), told, &event)? };
    Ok(Notified { outcome: (), told })
}

pub fn list(db: &Connection, post: PostId, page: PageRequest) -> Result<Page<Comment>, StoreError> {
    author_of(db, post)?;
    let found = all(db, COMMENTS, params![post.as_bytes(), before(&page), overfull(&page)], read)?;
    Ok(Page::from_overfull(found, page.limit, |comment| *comment.id.as_bytes()))
}

pub fn delete(db: &Connection, post: PostId, comment: CommentId, user: UserId) -> Result<(), StoreError> {
    let author_of_post = author_of(db, post)?;
    let sql = "SELECT author FROM comments WHERE id = ?1 AND post = ?2";
    let found = one(db, sql, [comment.as_bytes(), post.as_bytes()], |row| row.get(0))?;
    let author = found.map(UserId::from_bytes).ok_or(StoreError::Missing("comment"))?;
    if user != author && user != author_of_post {
        return Err(StoreError::Forbidden("comment"));
    }
    for sql in ["DELETE FROM comments WHERE id = ?1", "DELETE FROM notifications WHERE id = ?1"] {
        db.prepare_cached(sql)?.execute([comment.as_bytes()])?;
    }
    count_comment(db, post, -1)
}

/// The notification of a comment.
fn told_of(comment: CommentId) -> NotificationId {
    NotificationId::from_bytes(*comment.as_bytes())
}

fn count_comment(db: &Connection, post: PostId, change: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE posts SET comments = comments + ?2 WHERE id = ?1")?
        .execute(params![post.as_bytes(), change])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment {
        id: CommentId::from_bytes(row.get(0)?),
        post_id: PostId::from_bytes(row.get(1)?),
        text: row.get(2)?,
        created_at: timestamp(row, 3)?,
        author: person(row, 4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn comments_are_read_by_index_only() {
        assert_reads_by(COMMENTS, "SEARCH c USING INDEX comments_by_post (post=? AND id<?)");
        assert_costly_without_indexes(COMMENTS);
    }
}
