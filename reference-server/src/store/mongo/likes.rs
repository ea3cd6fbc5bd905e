//! Likes of posts.

use mongodb::bson::doc;

use super::MongoStore;
use super::collection::LIKES;
use super::database::Database;
use super::notifications::{self, Event};
use super::posts::{author_of, count};
use crate::domain::{
    Like, NotificationId, NotificationKind, Notified, Page, PageRequest, Person, PostId, UserId,
};
use crate::store::{Answer, LikeStore, StoreError};

impl LikeStore for MongoStore {
    fn like(&self, post: PostId, user: UserId) -> Answer<'_, Notified<Like>> {
        self.transact(move |db| Box::pin(like(db, post, user)))
    }

    fn unlike(&self, post: PostId, user: UserId) -> Answer<'_, Like> {
        self.transact(move |db| Box::pin(unlike(db, post, user)))
    }

    fn likes(&self, post: PostId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| Box::pin(list(db, post, page)))
    }
}

async fn like(db: &mut Database, post: PostId, user: UserId) -> Result<Notified<Like>, StoreError> {
    let author = author_of(db, post).await?;
    let id = NotificationId::new();
    let added = db.insert_unless(LIKES, doc! { "post": post, "user": user }, doc! { "_id": id }).await?;
    let likes = count(db, "likes", post, i64::from(added)).await?;
    let mut told = None;
    if added && author != user {
        let event = Event { kind: NotificationKind::Like, actor: user, subject: Some(post) };
        told = notifications::add(db, id, author, &event).await?;
    }
    Ok(Notified { outcome: Like { liked: true, likes }, told })
}

async fn unlike(db: &mut Database, post: PostId, user: UserId) -> Result<Like, StoreError> {
    let removed = db.delete(LIKES, doc! { "post": post, "user": user }).await?;
    let likes = count(db, "likes", post, -i64::from(removed)).await?;
    Ok(Like { liked: false, likes })
}

async fn list(db: &mut Database, post: PostId, page: PageRequest) -> Result<Page<Person>, StoreError> {
    author_of(db, post).await?;
    db.people_of(LIKES, doc! { "post": post }, "user", page).await
}
