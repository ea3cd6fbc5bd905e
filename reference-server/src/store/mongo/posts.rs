//! Posts and feeds.

use mongodb::bson::{Document, deserialize_from_slice, doc, serialize_to_bson};

use super::MongoStore;
use super::collection::{COMMENTS, FOLLOWS, LIKES, NOTIFICATIONS, POSTS};
use super::database::{Database, Query};
use super::value::{Row, number};
use crate::domain::{Page, PageRequest, Post, PostId, PostKind, RoomId, UserId};
use crate::store::{Answer, PostStore, StoreError};

/// Accounts whose posts a feed is made of, those followed last: bounds the size of the query.
const MOST_AUTHORS: i64 = 1_000;

impl PostStore for MongoStore {
    fn create_post(&self, post: Post) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(create(db, post.clone())))
    }

    fn post(&self, post: PostId) -> Answer<'_, Option<Post>> {
        self.read(move |db| Box::pin(find(db, post)))
    }

    fn delete_post(&self, post: PostId, author: UserId) -> Answer<'_, ()> {
        self.transact(move |db| Box::pin(delete(db, post, author)))
    }

    fn end_game(&self, room: RoomId, result: String) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(end_game(db, room, result.clone())))
    }

    fn feed(&self, reader: UserId, page: PageRequest) -> Answer<'_, Page<Post>> {
        self.read(move |db| Box::pin(feed(db, reader, page)))
    }

    fn posts_of(&self, author: UserId, page: PageRequest) -> Answer<'_, Page<Post>> {
        self.read(move |db| Box::pin(posts_of(db, author, page)))
    }
}

async fn create(db: &mut Database, post: Post) -> Result<(), StoreError> {
    db.insert(POSTS, document(&post)?).await
}

/// The document of a post.
pub fn document(post: &Post) -> Result<Document, StoreError> {
    let mut document = doc! {
        "_id": post.id,
        "postedBy": post.author.id,
        "text": &post.text,
        "createdAt": post.created_at,
        "likes": number(post.likes),
        "comments": number(post.comments),
    };
    if let Some(game) = &post.game {
        let game = serialize_to_bson(game).map_err(|_| StoreError::Document("game"))?;
        document.insert("game", game);
    }
    Ok(document)
}

async fn find(db: &mut Database, post: PostId) -> Result<Option<Post>, StoreError> {
    let items = db.all(POSTS, Query::new(doc! { "_id": post }), read).await?;
    Ok(with_authors(db, Page { items, next_cursor: None }).await?.items.pop())
}

/// The author of a post that exists.
pub async fn author_of(db: &mut Database, post: PostId) -> Result<UserId, StoreError> {
    let query = Query::new(doc! { "_id": post }).fields(&["postedBy"]);
    db.one(POSTS, query, |row| row.id("postedBy")).await?.ok_or(StoreError::Missing("post"))
}

/// Changes a counter of a post; gives what it is then. A post that is being removed meanwhile fails.
pub async fn count(
    db: &mut Database,
    counter: &'static str,
    post: PostId,
    change: i64,
) -> Result<u64, StoreError> {
    let filter = doc! { "_id": post };
    let counted = if change == 0 {
        db.one(POSTS, Query::new(filter).fields(&[counter]), |row| row.count(counter)).await?
    } else {
        db.update_and_read(POSTS, filter, doc! { "$inc": { counter: change } }, |row| row.count(counter))
            .await?
    };
    counted.ok_or(StoreError::Missing("post"))
}

/// The post goes last: where this stops half-way, it can be repeated.
async fn delete(db: &mut Database, post: PostId, author: UserId) -> Result<(), StoreError> {
    if author_of(db, post).await? != author {
        return Err(StoreError::Forbidden("post"));
    }
    db.delete_all(NOTIFICATIONS, doc! { "subject": post }).await?;
    db.delete_all(LIKES, doc! { "post": post }).await?;
    db.delete_all(COMMENTS, doc! { "post": post }).await?;
    db.delete(POSTS, doc! { "_id": post }).await?;
    Ok(())
}

async fn end_game(db: &mut Database, room: RoomId, result: String) -> Result<(), StoreError> {
    let ended = doc! { "$set": { "game.result": result } };
    db.update_all(POSTS, doc! { "game.roomId": room.to_string() }, ended).await.map(drop)
}

async fn feed(db: &mut Database, reader: UserId, page: PageRequest) -> Result<Page<Post>, StoreError> {
    let followed = Query::new(doc! { "follower": reader }).newest("_id").limit(MOST_AUTHORS);
    let mut authors: Vec<UserId> =
        db.all(FOLLOWS, followed.fields(&["followed"]), |row| row.id("followed")).await?;
    authors.push(reader);
    list(db, doc! { "postedBy": { "$in": authors } }, page).await
}

async fn posts_of(db: &mut Database, author: UserId, page: PageRequest) -> Result<Page<Post>, StoreError> {
    db.require_user(author).await?;
    list(db, doc! { "postedBy": author }, page).await
}

async fn list(db: &mut Database, filter: Document, page: PageRequest) -> Result<Page<Post>, StoreError> {
    let posts = db.all(POSTS, Query::page(filter, "_id", &page), read).await?;
    let posts = Page::from_overfull(posts, page.limit, |post| *post.id.as_bytes());
    with_authors(db, posts).await
}

async fn with_authors(db: &mut Database, posts: Page<Post>) -> Result<Page<Post>, StoreError> {
    db.with_people(posts, |post| post.author.id, |post, author| Post { author, ..post }).await
}

fn read(row: &Row<'_>) -> Result<Post, StoreError> {
    let game = row.optional("game", Row::document)?;
    let game = game.map(|game| deserialize_from_slice(game.as_bytes())).transpose();
    let game = game.map_err(|_| StoreError::Document("game"))?;
    Ok(Post {
        id: row.id("_id")?,
        kind: if game.is_some() { PostKind::Chess } else { PostKind::Text },
        text: row.string("text")?,
        game,
        created_at: row.time("createdAt")?,
        author: row.nameless("postedBy")?,
        likes: row.count("likes")?,
        comments: row.count("comments")?,
    })
}
