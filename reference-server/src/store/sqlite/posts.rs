//! Posts and feeds.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, number, one, overfull, person, require_user, timestamp};
use crate::domain::{ChessPost, Page, PageRequest, Post, PostId, PostKind, RoomId, UserId};
use crate::store::{Answer, PostStore, StoreError};

/// The columns that `read` reads.
macro_rules! columns {
    () => {
        "SELECT p.id, p.text, p.game, p.created_at, p.likes, p.comments, u.id, u.username, u.name "
    };
}

/// The newest posts of each author by index, then the newest of those: the work grows with the authors that
/// are followed, not with what they wrote.
const FEED: &str = concat!(
    columns!(),
    "FROM (SELECT followed AS author FROM follows WHERE follower = ?1 UNION ALL SELECT ?1) a
     CROSS JOIN posts p ON p.id IN (
         SELECT id FROM posts WHERE author = a.author AND id < ?2 ORDER BY id DESC LIMIT ?3)
     CROSS JOIN users u ON u.id = p.author
     ORDER BY p.id DESC LIMIT ?3"
);

const OF_AUTHOR: &str = concat!(
    columns!(),
    "FROM posts p CROSS JOIN users u ON u.id = p.author
     WHERE p.author = ?1 AND p.id < ?2 ORDER BY p.id DESC LIMIT ?3"
);

impl PostStore for SqliteStore {
    fn create_post(&self, post: Post) -> Answer<'_, ()> {
        self.write(move |db| create(db, &post))
    }

    fn post(&self, post: PostId) -> Answer<'_, Option<Post>> {
        self.read(move |db| find(db, post))
    }

    fn delete_post(&self, post: PostId, author: UserId) -> Answer<'_, ()> {
        self.write(move |db| delete(db, post, author))
    }

    fn end_game(&self, room: RoomId, result: String) -> Answer<'_, ()> {
        self.write(move |db| end_game(db, room, &result))
    }

    fn feed(&self, reader: UserId, page: PageRequest) -> Answer<'_, Page<Post>> {
        self.read(move |db| list(db, FEED, reader, page))
    }

    fn posts_of(&self, author: UserId, page: PageRequest) -> Answer<'_, Page<Post>> {
        self.read(move |db| {
            require_user(db, author)?;
            list(db, OF_AUTHOR, author, page)
        })
    }
}

pub fn create(db: &Connection, post: &Post) -> Result<(), StoreError> {
    let sql = "INSERT INTO posts (id, author, text, game, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (id, author, created_at) = (post.id.as_bytes(), post.author.id.as_bytes(), post.created_at.micros());
    let game = post.game.as_ref().map(serde_json::to_string).transpose().map_err(unwritable)?;
    db.prepare_cached(sql)?.execute(params![id, author, post.text, game, created_at])?;
    Ok(())
}

const END_GAME: &str = "
    UPDATE posts SET game = json_set(game, '$.result', ?2)
    WHERE game IS NOT NULL AND json_extract(game, '$.roomId') = ?1";

pub fn end_game(db: &Connection, room: RoomId, result: &str) -> Result<(), StoreError> {
    db.prepare_cached(END_GAME)?.execute(params![room.to_string(), result])?;
    Ok(())
}

pub fn find(db: &Connection, post: PostId) -> Result<Option<Post>, StoreError> {
    let sql = concat!(columns!(), "FROM posts p CROSS JOIN users u ON u.id = p.author WHERE p.id = ?1");
    one(db, sql, [post.as_bytes()], read)
}

/// The author of a post that exists.
pub fn author_of(db: &Connection, post: PostId) -> Result<UserId, StoreError> {
    let found = one(db, "SELECT author FROM posts WHERE id = ?1", [post.as_bytes()], |row| row.get(0))?;
    found.map(UserId::from_bytes).ok_or(StoreError::Missing("post"))
}

/// Likes, comments and notifications go with it: the schema cascades.
pub fn delete(db: &Connection, post: PostId, author: UserId) -> Result<(), StoreError> {
    if author_of(db, post)? != author {
        return Err(StoreError::Forbidden("post"));
    }
    db.prepare_cached("DELETE FROM posts WHERE id = ?1")?.execute([post.as_bytes()])?;
    Ok(())
}

fn list(db: &Connection, sql: &str, of: UserId, page: PageRequest) -> Result<Page<Post>, StoreError> {
    let posts = all(db, sql, params![of.as_bytes(), before(&page), overfull(&page)], read)?;
    Ok(Page::from_overfull(posts, page.limit, |post| *post.id.as_bytes()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Post> {
    let game = game(row, 2)?;
    Ok(Post {
        id: PostId::from_bytes(row.get(0)?),
        kind: if game.is_some() { PostKind::Chess } else { PostKind::Text },
        text: row.get(1)?,
        game,
        created_at: timestamp(row, 3)?,
        likes: number(row, 4)?,
        comments: number(row, 5)?,
        author: person(row, 6)?,
    })
}

fn game(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ChessPost>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    let unreadable = |cause| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(cause));
    serde_json::from_str(text).map(Some).map_err(unreadable)
}

fn unwritable(cause: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by, plan};

    #[test]
    fn the_feed_reads_by_index_only() {
        let steps = plan(FEED, true);
        let shown = steps.join("\n");
        assert!(
            shown.contains("SEARCH posts USING COVERING INDEX posts_by_author (author=? AND id<?)"),
            "{shown}"
        );
        assert!(shown.contains("SEARCH p USING PRIMARY KEY (id=?)"), "{shown}");
        let scans: Vec<_> = steps.iter().filter(|s| s.starts_with("SCAN ")).collect();
        assert!(scans.iter().all(|s| *s == "SCAN a" || s.contains("CONSTANT ROW")), "{shown}");
    }

    #[test]
    fn the_posts_of_an_author_are_read_by_index_only() {
        assert_reads_by(OF_AUTHOR, "SEARCH p USING INDEX posts_by_author (author=? AND id<?)");
        assert_costly_without_indexes(OF_AUTHOR);
        assert_costly_without_indexes(FEED);
    }

    #[test]
    fn the_posts_about_a_game_are_found_by_index() {
        assert_reads_by(END_GAME, "posts_by_game (<expr>=?)");
    }

    #[test]
    fn what_goes_with_a_post_is_found_by_index() {
        assert_reads_by("DELETE FROM comments WHERE post = ?1", "comments_by_post (post=?)");
        assert_reads_by("DELETE FROM likes WHERE post = ?1", "likes_by_post (post=?)");
        assert_reads_by(
            "DELETE FROM notifications WHERE subject = ?1",
            "notifications_by_subject (subject=?)",
        );
    }
}
