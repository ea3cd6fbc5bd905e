//! Posts and feeds.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, one, overfull, person, timestamp};
use crate::domain::{Page, PageRequest, Post, PostId, UserId};
use crate::store::{Answer, PostStore, StoreError};

/// The newest posts of each author by index, then the newest of those: the work grows with the authors that
/// are followed, not with what they wrote.
const FEED: &str = "
    SELECT p.id, p.text, p.created_at, u.id, u.username, u.name
    FROM (SELECT followed AS author FROM follows WHERE follower = ?1 UNION ALL SELECT ?1) a
    CROSS JOIN posts p ON p.id IN (
        SELECT id FROM posts WHERE author = a.author AND id < ?2 ORDER BY id DESC LIMIT ?3)
    CROSS JOIN users u ON u.id = p.author
    ORDER BY p.id DESC LIMIT ?3";

impl PostStore for SqliteStore {
    fn create_post(&self, post: Post) -> Answer<'_, ()> {
        self.write(move |db| create(db, &post))
    }

    fn post(&self, post: PostId) -> Answer<'_, Option<Post>> {
        self.read(move |db| find(db, post))
    }

    fn feed(&self, reader: UserId, page: PageRequest) -> Answer<'_, Page<Post>> {
        self.read(move |db| feed(db, reader, page))
    }
}

pub fn create(db: &Connection, post: &Post) -> Result<(), StoreError> {
    let sql = "INSERT INTO posts (id, author, text, created_at) VALUES (?1, ?2, ?3, ?4)";
    let author = post.author.id;
    let parameters = params![post.id.as_bytes(), author.as_bytes(), post.text, post.created_at.micros()];
    db.prepare_cached(sql)?.execute(parameters)?;
    Ok(())
}

pub fn find(db: &Connection, post: PostId) -> Result<Option<Post>, StoreError> {
    let sql = "SELECT p.id, p.text, p.created_at, u.id, u.username, u.name
               FROM posts p JOIN users u ON u.id = p.author WHERE p.id = ?1";
    one(db, sql, [post.as_bytes()], read)
}

pub fn feed(db: &Connection, reader: UserId, page: PageRequest) -> Result<Page<Post>, StoreError> {
    let parameters = params![reader.as_bytes(), before(&page), overfull(&page)];
    let posts = all(db, FEED, parameters, read)?;
    Ok(Page::from_overfull(posts, page.limit, |post| *post.id.as_bytes()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Post> {
    Ok(Post {
        id: PostId::from_bytes(row.get(0)?),
        text: row.get(1)?,
        created_at: timestamp(row, 2)?,
        author: person(row, 3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::schema;

    #[test]
    fn the_feed_reads_by_index_only() {
        let mut db = Connection::open_in_memory().unwrap();
        schema::migrate(&mut db).unwrap();
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {FEED}")).unwrap();
        let parameters = params![[0_u8; 16], [0xff_u8; 16], 21];
        let steps: Vec<String> =
            explain.query_map(parameters, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let plan = steps.join("\n");
        assert!(
            plan.contains("SEARCH posts USING COVERING INDEX posts_by_author (author=? AND id<?)"),
            "{plan}"
        );
        assert!(plan.contains("SEARCH p USING PRIMARY KEY (id=?)"), "{plan}");
        let scans: Vec<_> = steps.iter().filter(|s| s.starts_with("SCAN ")).collect();
        assert!(scans.iter().all(|s| *s == "SCAN a" || s.contains("CONSTANT ROW")), "{plan}");
    }
}
