//! Comments on posts.

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::collection::{COMMENTS, NOTIFICATIONS};
use super::database::{Database, Query};
use super::notifications::{self, Event};
use super::posts::{author_of, count};
use super::value::Row;
use crate::domain::{
    Comment, CommentId, NotificationId, NotificationKind, Notified, Page, PageRequest, PostId, UserId,
};
use crate::store::{Answer, CommentStore, StoreError};

impl CommentStore for MongoStore {
    fn add_comment(&self, comment: Comment) -> Answer<'_, Notified<()>> {
        self.transact(move |db| Box::pin(add(db, comment.clone())))
    }

    fn comments(&self, post: PostId, page: PageRequest) -> Answer<'_, Page<Comment>> {
        self.read(move |db| Box::pin(list(db, post, page)))
    }

    fn delete_comment(&self, post: PostId, comment: CommentId, user: UserId) -> Answer<'_, ()> {
        self.transact(move |db| Box::pin(delete(db, post, comment, user)))
    }
}

async fn add(db: &mut Database, comment: Comment) -> Result<Notified<()>, StoreError> {
    let (post, author) = (comment.post_id, comment.author.id);
    let told = author_of(db, post).await?;
    db.insert(COMMENTS, document(&comment)).await?;
    count(db, "comments", post, 1).await?;
    if told == author {
        return Ok(Notified { outcome: (), told: None });
    }
    let event = Event { kind: NotificationKind::Comment, actor: author, subject: Some(post) };
    let told = notifications::add(db, told_of(comment.id), told, &event).await?;
    Ok(Notified { outcome: (), told })
}

/// The notification of a comment.
fn told_of(comment: CommentId) -> NotificationId {
    NotificationId::from_bytes(*comment.as_bytes())
}

/// The document of a comment.
pub fn document(comment: &Comment) -> Document {
    doc! {
        "_id": comment.id,
        "post": comment.post_id,
        "postedBy": comment.author.id,
        "text": &comment.text,
        "createdAt": comment.created_at,
    }
}

async fn list(db: &mut Database, post: PostId, page: PageRequest) -> Result<Page<Comment>, StoreError> {
    author_of(db, post).await?;
    let found = db.all(COMMENTS, Query::page(doc! { "post": post }, "_id", &page), read).await?;
    let found = Page::from_overfull(found, page.limit, |comment| *comment.id.as_bytes());
    db.with_people(found, |comment| comment.author.id, |comment, author| Comment { author, ..comment }).await
}

async fn delete(db: &mut Database, post: PostId, comment: CommentId, user: UserId) -> Result<(), StoreError> {
    let author_of_post = author_of(db, post).await?;
    let query = Query::new(doc! { "_id": comment, "post": post }).fields(&["postedBy"]);
    let author = db.one(COMMENTS, query, |row| row.id("postedBy")).await?;
    let author: UserId = author.ok_or(StoreError::Missing("comment"))?;
    if user != author && user != author_of_post {
        return Err(StoreError::Forbidden("comment"));
    }
    if !db.delete(COMMENTS, doc! { "_id": comment }).await? {
        return Err(StoreError::Missing("comment"));
    }
    db.delete(NOTIFICATIONS, doc! { "_id": told_of(comment) }).await?;
    count(db, "comments", post, -1).await.map(drop)
}

fn read(row: &Row<'_>) -> Result<Comment, StoreError> {
    Ok(Comment {
        id: row.id("_id")?,
        post_id: row.id("post")?,
        text: row.string("text")?,
        created_at: row.time("createdAt")?,
        author: row.nameless("postedBy")?,
    })
}
