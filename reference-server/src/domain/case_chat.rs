//! Chats of a citizen and a lawyer about a case.

use serde::Serialize;
use utoipa::ToSchema;

use super::{CaseRef, ChatId, MessageId, Person, Timestamp, UserId};

/// A chat: one for each case and lawyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseChat {
    /// The chat.
    pub id: ChatId,
    /// What it is about.
    pub about: CaseRef,
    /// Who brought the case.
    pub citizen: Person,
    /// Who has taken it.
    pub lawyer: Person,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The newest message.
    pub last_message: Option<ChatMessage>,
}

impl CaseChat {
    /// The bytes that chats are listed by: those of the newest message, or else of the chat itself.
    pub fn activity(&self) -> [u8; 16] {
        self.last_message.as_ref().map_or(*self.id.as_bytes(), |message| *message.id.as_bytes())
    }

    /// The participant that is not this one.
    pub fn other(&self, participant: UserId) -> UserId {
        if self.citizen.id == participant { self.lawyer.id } else { self.citizen.id }
    }
}

/// A message in a chat about a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// The message.
    pub id: MessageId,
    /// Its chat.
    pub chat_id: ChatId,
    /// Who sent it.
    pub from: UserId,
    /// What it says.
    pub text: String,
    /// When the server took it.
    pub created_at: Timestamp,
}
