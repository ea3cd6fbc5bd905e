//! Counts and times every call of a store, whichever store it is.

use std::sync::Arc;
use std::time::Instant;

use super::Telemetry;
use crate::domain::{
    Account, Conversation, ConversationId, Follow, Message, NewAccount, Notification, Page, PageRequest,
    Person, Post, PostId, Profile, UserId,
};
use crate::store::{Answer, Store};

/// A store whose calls are measured.
pub struct ObservedStore<S> {
    store: S,
    telemetry: Arc<Telemetry>,
}

impl<S: Store> ObservedStore<S> {
    /// Measures this store.
    pub fn new(store: S, telemetry: Arc<Telemetry>) -> Self {
        Self { store, telemetry }
    }

    fn timed<'a, T: 'a>(&'a self, operation: &'static str, answer: Answer<'a, T>) -> Answer<'a, T> {
        let started = Instant::now();
        Box::pin(async move {
            let outcome = answer.await;
            self.telemetry.store_call(operation, outcome.is_ok(), started.elapsed());
            outcome
        })
    }
}

macro_rules! observe {
    ($(fn $operation:ident(&self $(, $name:ident: $type:ty)*) -> $answer:ty;)+) => {
        impl<S: Store> Store for ObservedStore<S> {
            $(fn $operation(&self $(, $name: $type)*) -> Answer<'_, $answer> {
                self.timed(stringify!($operation), self.store.$operation($($name),*))
            })+
        }
    };
}

observe! {
    fn create_account(&self, account: NewAccount) -> ();
    fn find_account(&self, username: &str) -> Option<Account>;
    fn profile(&self, user: UserId) -> Option<Profile>;
    fn profile_by_username(&self, username: &str) -> Option<Profile>;
    fn follow(&self, follower: UserId, followed: UserId) -> Follow;
    fn unfollow(&self, follower: UserId, followed: UserId) -> Follow;
    fn followers(&self, user: UserId, page: PageRequest) -> Page<Person>;
    fn following(&self, user: UserId, page: PageRequest) -> Page<Person>;
    fn create_post(&self, post: Post) -> ();
    fn post(&self, post: PostId) -> Option<Post>;
    fn feed(&self, reader: UserId, page: PageRequest) -> Page<Post>;
    fn notifications(&self, user: UserId, page: PageRequest) -> Page<Notification>;
    fn unread(&self, user: UserId) -> u64;
    fn mark_read(&self, user: UserId) -> u64;
    fn send_message(&self, message: Message) -> Message;
    fn conversations(&self, user: UserId, page: PageRequest) -> Page<Conversation>;
    fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        page: PageRequest
    ) -> Option<Page<Message>>;
    fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Vec<u8>;
    fn ping(&self) -> ();
}
