//! Seed data. Documents that are there already are passed over: they are those of an import that was cut short.

use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};

use super::collection::{
    COMMENTS, CONVERSATIONS, FOLLOWS, LIKES, MESSAGES, NOTIFICATIONS, POSTS, SEED, USERS,
};
use super::failure::DUPLICATE_KEY;
use super::value::{Row, nameless, number};
use super::{MongoStore, accounts, comments, index, messages, notifications, posts};
use crate::domain::{Comment, Message, NewAccount, Notification, Person, Post, PostKind};
use crate::store::bulk::{
    Batch, CommentRow, ConversationRow, FollowRow, Import, LikeRow, MessageRow, NotificationRow, PostRow,
    UserRow,
};
use crate::store::{Answer, BulkStore, StoreError};

/// The only document of its collection.
const PLAN: &str = "plan";

impl BulkStore for MongoStore {
    fn begin_import(&self, plan: String) -> Answer<'_, Import> {
        let database = self.runner.database.clone();
        self.run_to_its_end(async move { begin(&database, plan).await })
    }

    fn import(&self, batch: Batch) -> Answer<'_, ()> {
        let database = self.runner.database.clone();
        self.run_to_its_end(async move { import(&database, batch).await })
    }

    fn end_import(&self, indexes: bool) -> Answer<'_, ()> {
        let database = self.runner.database.clone();
        self.run_to_its_end(async move {
            index::apply(&database, indexes).await?;
            let complete = doc! { "$set": { "complete": true } };
            database.collection::<Document>(SEED).update_one(doc! { "_id": PLAN }, complete).await?;
            Ok(())
        })
    }
}

async fn begin(database: &Database, plan: String) -> Result<Import, StoreError> {
    let seed = database.collection::<mongodb::bson::RawDocumentBuf>(SEED);
    if let Some(found) = seed.find_one(doc! { "_id": PLAN }).await? {
        let found = Row(&found);
        let there = found.string("plan")?;
        if there != plan {
            return Ok(Import::OtherPlan(there));
        }
        if found.flag("complete")? {
            return Ok(Import::Complete);
        }
    } else if database.collection::<Document>(USERS).find_one(Document::new()).await?.is_some() {
        return Ok(Import::OtherData);
    } else {
        let begun = doc! { "_id": PLAN, "plan": plan, "complete": false };
        database.collection::<Document>(SEED).insert_one(begun).await?;
    }
    index::apply(database, false).await?;
    Ok(Import::Open)
}

async fn import(database: &Database, batch: Batch) -> Result<(), StoreError> {
    let Batch { users, follows, posts, likes, comments, notifications, conversations, messages } = batch;
    add(database, USERS, users.into_iter().map(user)).await?;
    add(database, FOLLOWS, follows.into_iter().map(follow)).await?;
    let posts: Result<Vec<_>, _> = posts.into_iter().map(post).collect();
    add(database, POSTS, posts?.into_iter()).await?;
    add(database, LIKES, likes.into_iter().map(like)).await?;
    add(database, COMMENTS, comments.into_iter().map(comment)).await?;
    add(database, NOTIFICATIONS, notifications.iter().map(notification)).await?;
    add(database, CONVERSATIONS, conversations.into_iter().map(conversation)).await?;
    add(database, MESSAGES, messages.into_iter().map(message)).await
}

async fn add(
    database: &Database,
    collection: &str,
    documents: impl Iterator<Item = Document>,
) -> Result<(), StoreError> {
    let documents: Vec<Document> = documents.collect();
    if documents.is_empty() {
        return Ok(());
    }
    match database.collection::<Document>(collection).insert_many(documents).ordered(false).await {
        Err(failure) if only_duplicates(&failure) => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}

fn only_duplicates(failure: &Error) -> bool {
    let ErrorKind::InsertMany(refused) = failure.kind.as_ref() else { return false };
    let errors = refused.write_errors.as_deref().unwrap_or_default();
    refused.write_concern_error.is_none() && errors.iter().all(|error| error.code == DUPLICATE_KEY)
}

fn user(row: UserRow) -> Document {
    let UserRow { id, username, name, email, password_hash, role, bio, created_at, followers, following } =
        row;
    let mut document = accounts::document(NewAccount {
        person: Person { id, username: username.into(), name: name.into() },
        role,
        active: true,
        email: Some(email),
        password_hash: Some(password_hash),
        created_at,
    });
    document.insert("bio", bio);
    document.insert("followers", number(followers.into()));
    document.insert("following", number(following.into()));
    document
}

fn follow(FollowRow { id, follower, followed }: FollowRow) -> Document {
    doc! { "_id": id, "follower": follower, "followed": followed }
}

fn post(row: PostRow) -> Result<Document, StoreError> {
    let PostRow { id, author, text, created_at, likes, comments } = row;
    let (likes, comments) = (likes.into(), comments.into());
    let author = nameless(author);
    posts::document(&Post { id, kind: PostKind::Text, text, game: None, created_at, author, likes, comments })
}

fn like(LikeRow { id, post, user }: LikeRow) -> Document {
    doc! { "_id": id, "post": post, "user": user }
}

fn comment(CommentRow { id, post, author, text, created_at }: CommentRow) -> Document {
    comments::document(&Comment { id, post_id: post, text, created_at, author: nameless(author) })
}

fn notification(row: &NotificationRow) -> Document {
    let NotificationRow { id, user, kind, actor, subject, created_at, read } = *row;
    let actor = nameless(actor);
    notifications::document(user, &Notification { id, kind, actor, subject, created_at, read })
}

fn conversation(ConversationRow { id, low, high, last_message }: ConversationRow) -> Document {
    let mut document = messages::pair(low.0, high.0);
    document.insert("_id", id);
    document.insert("participants", [low.0, high.0]);
    document.insert("lastMessageId", last_message);
    document.insert(messages::UNREAD[0], number(low.1.into()));
    document.insert(messages::UNREAD[1], number(high.1.into()));
    document
}

fn message(row: MessageRow) -> Document {
    let MessageRow { id, conversation, from, to, text, created_at } = row;
    messages::document(&Message { id, conversation_id: conversation, from, to, text, created_at })
}
