//! Conversations of two, and their messages.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ConversationId, MessageId, Person, Timestamp, UserId};

/// A conversation as one of its two members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// The other member.
    pub with: Person,
    /// The newest message.
    pub last_message: Message,
    /// Messages to this member that it has not read.
    pub unread: u64,
}

/// A message between two accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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

/// A conversation that one member has read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadConversation {
    /// The other member.
    pub with: UserId,
    /// Messages that were unread.
    pub read: u64,
}
