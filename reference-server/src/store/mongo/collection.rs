//! Names of the collections: those that Mongoose gives the documents' models, and our own.

use crate::domain::CaseKind;

/// Accounts.
pub const USERS: &str = "users";
/// Edges of the follow graph, one document each.
pub const FOLLOWS: &str = "follows";
/// Posts.
pub const POSTS: &str = "posts";
/// Who likes which post, one document each.
pub const LIKES: &str = "likes";
/// Comments on posts.
pub const COMMENTS: &str = "comments";
/// What accounts are told about.
pub const NOTIFICATIONS: &str = "notifications";
/// Conversations of two.
pub const CONVERSATIONS: &str = "conversations";
/// Messages in conversations.
pub const MESSAGES: &str = "messages";
/// Questions to lawyers.
pub const QUERIES: &str = "queries";
/// Quarrels that lawyers mediate in.
pub const DISPUTES: &str = "disputes";
/// Chats about cases.
pub const CHATS: &str = "chats";
/// Messages in chats.
pub const CHAT_MESSAGES: &str = "chatmessages";
/// Appointments.
pub const CONSULTATIONS: &str = "consultations";
/// Times that lawyers have promised, one document for each lawyer.
pub const DIARIES: &str = "diaries";
/// What is known of files.
pub const UPLOADS: &str = "uploads";
/// Sessions and what is kept of their tokens.
pub const SESSIONS: &str = "sessions";
/// Which seed data were imported.
pub const SEED: &str = "seed";
/// Secrets of the application.
pub const SECRETS: &str = "secrets";

/// All of them. They are made when the store opens: a transaction that had to make one would take a lock.
pub const ALL: &[&str] = &[
    USERS,
    FOLLOWS,
    POSTS,
    LIKES,
    COMMENTS,
    NOTIFICATIONS,
    CONVERSATIONS,
    MESSAGES,
    QUERIES,
    DISPUTES,
    CHATS,
    CHAT_MESSAGES,
    CONSULTATIONS,
    DIARIES,
    UPLOADS,
    SESSIONS,
    SEED,
    SECRETS,
];

/// Where the cases of a kind are.
pub fn of_cases(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::Query => QUERIES,
        CaseKind::Dispute => DISPUTES,
    }
}
