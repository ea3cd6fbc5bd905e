//! Indexes: those that hold data together, always there, and those that are declared for speed, which are
//! the switch that the documents turn on first.

use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};

use super::collection::{
    CHAT_MESSAGES, CHATS, COMMENTS, CONSULTATIONS, CONVERSATIONS, DISPUTES, FOLLOWS, LIKES, MESSAGES,
    NOTIFICATIONS, POSTS, QUERIES, SESSIONS, UPLOADS, USERS,
};
use super::failure::code;

type Keys = &'static [(&'static str, i32)];

/// A value that only one document may have; documents without the field are left alone.
const UNIQUE: &[(&str, Keys)] = &[
    (USERS, &[("usernameKey", 1)]),
    (USERS, &[("emailKey", 1)]),
    (FOLLOWS, &[("follower", 1), ("followed", 1)]),
    (LIKES, &[("post", 1), ("user", 1)]),
    (CONVERSATIONS, &[("pair", 1)]),
    (CHATS, &[("chatId", 1)]),
];

/// Few documents have this field, so the index costs little; without it, the end of a game reads all posts.
const RARE: &[(&str, Keys)] = &[(POSTS, &[("game.roomId", 1)])];

/// A like notifies once, however often it is taken back.
const LIKE_NOTIFICATIONS: Keys = &[("subject", 1), ("actor", 1)];

/// What the lists of the API are read by.
const DECLARED: &[(&str, Keys)] = &[
    (USERS, &[("followers", -1)]),
    (USERS, &[("role", 1), ("isActive", 1), ("_id", -1)]),
    (USERS, &[("specializations", 1), ("_id", -1)]),
    (FOLLOWS, &[("followed", 1), ("_id", -1)]),
    (FOLLOWS, &[("follower", 1), ("_id", -1)]),
    (POSTS, &[("postedBy", 1), ("_id", -1)]),
    (LIKES, &[("post", 1), ("_id", -1)]),
    (COMMENTS, &[("post", 1), ("_id", -1)]),
    (NOTIFICATIONS, &[("user", 1), ("_id", -1)]),
    (NOTIFICATIONS, &[("subject", 1)]),
    (CONVERSATIONS, &[("participants", 1), ("lastMessageId", -1)]),
    (MESSAGES, &[("conversationId", 1), ("_id", -1)]),
    (QUERIES, &[("citizen", 1), ("_id", -1)]),
    (QUERIES, &[("assignedLawyer", 1), ("_id", -1)]),
    (QUERIES, &[("status", 1), ("_id", -1)]),
    (DISPUTES, &[("citizen", 1), ("_id", -1)]),
    (DISPUTES, &[("assignedLawyer", 1), ("_id", -1)]),
    (DISPUTES, &[("status", 1), ("_id", -1)]),
    (CHATS, &[("participants", 1), ("activity", -1)]),
    (CHAT_MESSAGES, &[("chat", 1), ("_id", -1)]),
    (CONSULTATIONS, &[("citizen", 1), ("_id", -1)]),
    (CONSULTATIONS, &[("lawyer", 1), ("_id", -1)]),
    (CONSULTATIONS, &[("lawyer", 1), ("status", 1), ("startsAt", 1)]),
    (UPLOADS, &[("owner", 1), ("_id", -1)]),
    (SESSIONS, &[("user", 1)]),
    (SESSIONS, &[("expiresAt", 1)]),
];

/// The lists of documents 000, 001 and 003. They serve the same queries less well, because cursors go by
/// `_id`: they find the documents, and leave the sorting to the server. `User.followers` and `User.following`
/// are counters here.
const OF_THE_DOCUMENTS: &[(&str, Keys)] = &[
    (USERS, &[("username", 1)]),
    (USERS, &[("email", 1)]),
    (USERS, &[("following", 1)]),
    (USERS, &[("role", 1)]),
    (USERS, &[("isActive", 1)]),
    (POSTS, &[("postedBy", 1), ("createdAt", -1)]),
    (POSTS, &[("createdAt", -1)]),
    (NOTIFICATIONS, &[("user", 1), ("read", 1), ("createdAt", -1)]),
    (NOTIFICATIONS, &[("user", 1), ("type", 1), ("read", 1)]),
    (MESSAGES, &[("conversationId", 1), ("createdAt", -1)]),
    (QUERIES, &[("citizen", 1), ("status", 1)]),
    (QUERIES, &[("assignedLawyer", 1)]),
    (DISPUTES, &[("citizen", 1), ("status", 1)]),
    (DISPUTES, &[("assignedLawyer", 1)]),
    (CHATS, &[("participants", 1)]),
    (CHATS, &[("lastMessageAt", -1)]),
];

/// There is an index with these keys or this name, made by somebody else.
const CONFLICTS: [i32; 2] = [85, 86];
/// There is no such collection, or no such index: another process dropped it first.
const NOT_FOUND: [i32; 2] = [26, 27];

/// Makes what is missing and drops what is switched off. Several processes may do so at the same time.
pub async fn apply(database: &Database, declared: bool) -> Result<(), Error> {
    let sparse = || IndexOptions::builder().sparse(true);
    for (name, keys) in UNIQUE {
        make(&collection(database, name), keys, sparse().unique(true).build()).await?;
    }
    for (name, keys) in RARE {
        make(&collection(database, name), keys, sparse().build()).await?;
    }
    let likes = IndexOptions::builder().unique(true).partial_filter_expression(doc! { "type": "like" });
    make(&collection(database, NOTIFICATIONS), LIKE_NOTIFICATIONS, likes.build()).await?;
    for (name, keys) in DECLARED.iter().chain(OF_THE_DOCUMENTS) {
        let collection = collection(database, name);
        if declared { declare(&collection, keys).await? } else { drop(&collection, keys).await? }
    }
    Ok(())
}

async fn make(collection: &Collection<Document>, keys: Keys, options: IndexOptions) -> Result<(), Error> {
    let index = IndexModel::builder().keys(document(keys)).options(options).build();
    collection.create_index(index).await.map(|_| ())
}

async fn declare(collection: &Collection<Document>, keys: Keys) -> Result<(), Error> {
    match make(collection, keys, IndexOptions::default()).await {
        Err(failure) if is_one_of(&failure, &CONFLICTS) => {
            let (collection, name) = (collection.name(), name(keys));
            tracing::warn!(collection, name, "another index has these keys or this name: it stays as it is");
            Ok(())
        }
        outcome => outcome,
    }
}

async fn drop(collection: &Collection<Document>, keys: Keys) -> Result<(), Error> {
    match collection.drop_index(name(keys)).await {
        Err(failure) if is_one_of(&failure, &NOT_FOUND) => Ok(()),
        outcome => outcome,
    }
}

fn is_one_of(failure: &Error, codes: &[i32]) -> bool {
    code(failure).is_some_and(|code| codes.contains(&code))
}

fn collection(database: &Database, name: &str) -> Collection<Document> {
    database.collection(name)
}

fn document(keys: Keys) -> Document {
    keys.iter().map(|(field, order)| ((*field).to_owned(), (*order).into())).collect()
}

/// The name that MongoDB gives an index.
fn name(keys: Keys) -> String {
    keys.iter().map(|(field, order)| format!("{field}_{order}")).collect::<Vec<_>>().join("_")
}
