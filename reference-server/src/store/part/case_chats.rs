//! Chats about cases.

use super::part;
use crate::domain::{CaseChat, ChatId, ChatMessage, Page, PageRequest, UserId};

part! {
    /// Chats about cases. A chat has two participants, and nobody else learns that it exists.
    pub trait CaseChatStore {
        /// The chat about this case with this lawyer: this one, if there is none yet.
        fn open_chat(&self, chat: CaseChat) -> CaseChat;
        /// Chats of a participant, by their newest message; a chat without one by its own age.
        fn chats(&self, participant: UserId, page: PageRequest) -> Page<CaseChat>;
        /// One chat, `None` when the reader is no participant.
        fn chat(&self, reader: UserId, chat: ChatId) -> Option<CaseChat>;
        /// Messages of a chat, `None` when the reader is no participant.
        fn chat_messages(&self, reader: UserId, chat: ChatId, page: PageRequest) -> Option<Page<ChatMessage>>;
        /// Adds a message and tells who receives it, `None` when the sender is no participant.
        fn add_chat_message(&self, message: ChatMessage) -> Option<UserId>;
    }
}
