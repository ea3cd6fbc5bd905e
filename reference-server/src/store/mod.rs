//! What the application keeps, behind one trait. `suite` states what every store must do.

mod error;
mod sqlite;
#[cfg(test)]
pub mod suite;

use futures_util::future::BoxFuture;

pub use error::StoreError;
pub use sqlite::{SqliteStore, store_file};

use crate::domain::{
    Account, Conversation, ConversationId, Follow, Message, NewAccount, Notification, Page, PageRequest,
    Person, Post, PostId, Profile, UserId,
};

/// What a store answers, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Durable data of the application. Lists are newest first; a write is durable when its future resolves.
pub trait Store: Send + Sync + 'static {
    /// Adds an account. Fails with [`StoreError::Taken`] when its username or e-mail address is in use.
    fn create_account(&self, account: NewAccount) -> Answer<'_, ()>;
    /// The account that logs in with this name, in any case of letters.
    fn find_account(&self, username: &str) -> Answer<'_, Option<Account>>;
    /// The profile of an account.
    fn profile(&self, user: UserId) -> Answer<'_, Option<Profile>>;
    /// The profile of the account with this username.
    fn profile_by_username(&self, username: &str) -> Answer<'_, Option<Profile>>;

    /// Makes one account follow another; a new edge notifies the followed. Fails with [`StoreError::Missing`].
    fn follow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow>;
    /// Ends following. Fails with [`StoreError::Missing`] when there is no such account.
    fn unfollow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow>;
    /// Accounts that follow this one.
    fn followers(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>>;
    /// Accounts that this one follows.
    fn following(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>>;

    /// Adds a post.
    fn create_post(&self, post: Post) -> Answer<'_, ()>;
    /// One post.
    fn post(&self, post: PostId) -> Answer<'_, Option<Post>>;
    /// Posts of the reader and of those that the reader follows.
    fn feed(&self, reader: UserId, page: PageRequest) -> Answer<'_, Page<Post>>;

    /// Notifications of an account.
    fn notifications(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Notification>>;
    /// Notifications not read yet.
    fn unread(&self, user: UserId) -> Answer<'_, u64>;
    /// Marks all notifications as read; tells how many were not.
    fn mark_read(&self, user: UserId) -> Answer<'_, u64>;

    /// Adds a message, and the conversation of the two when there is none. The message's own conversation is
    /// only used for a new one; the answer says where it went. Fails with [`StoreError::Missing`].
    fn send_message(&self, message: Message) -> Answer<'_, Message>;
    /// Conversations of an account, by their newest message.
    fn conversations(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Conversation>>;
    /// Messages of a conversation, `None` when the reader is no member of it.
    fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Answer<'_, Option<Page<Message>>>;

    /// The secret of this name. The first caller of all processes decides its value.
    fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Answer<'_, Vec<u8>>;
    /// Answers when the store does.
    fn ping(&self) -> Answer<'_, ()>;
}
