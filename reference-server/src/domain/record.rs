//! The records that a store keeps.

use serde::Serialize;

use super::{ConversationId, MessageId, NotificationId, Person, PostId, Timestamp, UserId};

/// An account about to be created.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Who it will be.
    pub person: Person,
    /// Absent for guests.
    pub email: Option<String>,
    /// argon2id in PHC notation; absent for guests, who cannot log in again.
    pub password_hash: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// An account as login needs it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who it is.
    pub person: Person,
    /// argon2id in PHC notation, absent for guests.
    pub password_hash: Option<String>,
}

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// When the account was created.
    pub created_at: Timestamp,
    /// Accounts that follow this one.
    pub followers: u64,
    /// Accounts that this one follows.
    pub following: u64,
}

/// The state of one edge of the follow graph after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Follow {
    /// Whether the follower follows now.
    pub following: bool,
    /// Followers of the followed account now.
    pub followers: u64,
}

/// A post with its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// The post.
    pub id: PostId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub author: Person,
}

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationKind {
    /// Somebody follows the account now.
    Follow,
}

/// A notification with the account that caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The notification.
    pub id: NotificationId,
    /// What happened.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: Person,
    /// When it happened.
    pub created_at: Timestamp,
    /// Whether the account has read it.
    pub read: bool,
}

/// A conversation as one of its two members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// The other member.
    pub with: Person,
    /// The newest message.
    pub last_message: Message,
}

/// A message between two accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Who sent it.
    pub from: UserId,
    /// Who receives it.
    pub to: UserId,
    /// What it says.
    pub text: String,
    /// When the server took it.
    pub created_at: Timestamp,
}
