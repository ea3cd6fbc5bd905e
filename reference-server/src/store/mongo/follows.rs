//! The follow graph: one document for each edge, and counters in the accounts, in the same transaction.

use mongodb::bson::doc;

use super::MongoStore;
use super::collection::{FOLLOWS, USERS};
use super::database::{Database, Query};
use super::notifications::{self, Event};
use super::suggestions::suggested;
use crate::domain::{
    Follow, NotificationId, NotificationKind, Notified, Page, PageRequest, Person, Suggestion, UserId,
};
use crate::store::{Answer, FollowStore, StoreError};

impl FollowStore for MongoStore {
    fn follow(&self, follower: UserId, followed: UserId) -> Answer<'_, Notified<Follow>> {
        self.transact(move |db| Box::pin(follow(db, follower, followed)))
    }

    fn unfollow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow> {
        self.transact(move |db| Box::pin(unfollow(db, follower, followed)))
    }

    fn followers(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| Box::pin(people(db, user, page, "followed", "follower")))
    }

    fn following(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| Box::pin(people(db, user, page, "follower", "followed")))
    }

    fn suggested(&self, user: UserId, limit: usize) -> Answer<'_, Vec<Suggestion>> {
        self.read(move |db| Box::pin(suggested(db, user, limit)))
    }
}

async fn follow(
    db: &mut Database,
    follower: UserId,
    followed: UserId,
) -> Result<Notified<Follow>, StoreError> {
    db.require_user(followed).await?;
    let edge = NotificationId::new();
    let between = doc! { "follower": follower, "followed": followed };
    if !db.insert_unless(FOLLOWS, between, doc! { "_id": edge }).await? {
        let followers = count(db, "followers", followed, 0).await?;
        return Ok(Notified { outcome: Follow { following: true, followers }, told: None });
    }
    count(db, "following", follower, 1).await?;
    let followers = count(db, "followers", followed, 1).await?;
    let event = Event { kind: NotificationKind::Follow, actor: follower, subject: None };
    let told = notifications::add(db, edge, followed, &event).await?;
    Ok(Notified { outcome: Follow { following: true, followers }, told })
}

async fn unfollow(db: &mut Database, follower: UserId, followed: UserId) -> Result<Follow, StoreError> {
    db.require_user(followed).await?;
    let removed = db.delete(FOLLOWS, doc! { "follower": follower, "followed": followed }).await?;
    if removed {
        count(db, "following", follower, -1).await?;
    }
    let followers = count(db, "followers", followed, if removed { -1 } else { 0 }).await?;
    Ok(Follow { following: false, followers })
}

/// Changes a counter of an account; gives what it is then.
async fn count(
    db: &mut Database,
    counter: &'static str,
    user: UserId,
    change: i64,
) -> Result<u64, StoreError> {
    let filter = doc! { "_id": user };
    let counted = if change == 0 {
        db.one(USERS, Query::new(filter).fields(&[counter]), |row| row.count(counter)).await?
    } else {
        db.update_and_read(USERS, filter, doc! { "$inc": { counter: change } }, |row| row.count(counter))
            .await?
    };
    counted.ok_or(StoreError::Missing("user"))
}

/// The accounts at the `other` ends of the edges whose `own` end this account is.
async fn people(
    db: &mut Database,
    user: UserId,
    page: PageRequest,
    own: &'static str,
    other: &'static str,
) -> Result<Page<Person>, StoreError> {
    db.require_user(user).await?;
    db.people_of(FOLLOWS, doc! { own: user }, other, page).await
}
