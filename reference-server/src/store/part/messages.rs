//! Conversations of two, and their messages.

use super::part;
use crate::domain::{Conversation, ConversationId, Message, Page, PageRequest, ReadConversation, UserId};

part! {
    /// Conversations of two, and their messages.
    pub trait MessageStore {
        /// Adds a message, and the conversation of the two when there is none. The message's own conversation
        /// is only used for a new one; the answer says where it went. Fails with
        /// [`StoreError::Missing`](crate::store::StoreError::Missing).
        fn send_message(&self, message: Message) -> Message;
        /// Conversations of an account, by their newest message.
        fn conversations(&self, user: UserId, page: PageRequest) -> Page<Conversation>;
        /// Messages of a conversation, `None` when the reader is no member of it.
        fn messages(
            &self,
            reader: UserId,
            conversation: ConversationId,
            page: PageRequest,
        ) -> Option<Page<Message>>;
        /// Marks all messages to the reader as read, `None` when the reader is no member.
        fn mark_conversation_read(&self, reader: UserId, conversation: ConversationId) -> Option<ReadConversation>;
    }
}
