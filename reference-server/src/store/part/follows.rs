//! The follow graph.

use super::part;
use crate::domain::{Follow, Notified, Page, PageRequest, Person, Suggestion, UserId};

part! {
    /// Who follows whom. Fails with [`StoreError::Missing`](crate::store::StoreError::Missing) when there is no
    /// such account. The counts in profiles always agree with the lists.
    pub trait FollowStore {
        /// Makes one account follow another; a new edge notifies the followed.
        fn follow(&self, follower: UserId, followed: UserId) -> Notified<Follow>;
        /// Ends following.
        fn unfollow(&self, follower: UserId, followed: UserId) -> Follow;
        /// Accounts that follow this one.
        fn followers(&self, user: UserId, page: PageRequest) -> Page<Person>;
        /// Accounts that this one follows.
        fn following(&self, user: UserId, page: PageRequest) -> Page<Person>;
        /// Active accounts that this one does not follow: those that most of the accounts that it follows
        /// follow come first, among equals the most followed; then the most followed of all. The work is
        /// bounded: of those who follow very many, the newest edges are looked at.
        fn suggested(&self, user: UserId, limit: usize) -> Vec<Suggestion>;
    }
}
