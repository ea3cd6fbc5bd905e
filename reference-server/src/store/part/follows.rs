//! The follow graph.

use super::part;
use crate::domain::{Follow, Page, PageRequest, Person, UserId};

part! {
    /// Who follows whom. Fails with [`StoreError::Missing`](crate::store::StoreError::Missing) when there is no
    /// such account.
    pub trait FollowStore {
        /// Makes one account follow another; a new edge notifies the followed.
        fn follow(&self, follower: UserId, followed: UserId) -> Follow;
        /// Ends following.
        fn unfollow(&self, follower: UserId, followed: UserId) -> Follow;
        /// Accounts that follow this one.
        fn followers(&self, user: UserId, page: PageRequest) -> Page<Person>;
        /// Accounts that this one follows.
        fn following(&self, user: UserId, page: PageRequest) -> Page<Person>;
    }
}
