//! Likes of posts.

use super::part;
use crate::domain::{Like, Notified, Page, PageRequest, Person, PostId, UserId};

part! {
    /// Who likes which posts. Fails with [`StoreError::Missing`](crate::store::StoreError::Missing) when there
    /// is no such post. The count in the post always agrees with the list.
    pub trait LikeStore {
        /// Likes a post. The first time its author is notified, unless that is the same account.
        fn like(&self, post: PostId, user: UserId) -> Notified<Like>;
        /// Takes a like back. The notification stays: who likes again does not notify again.
        fn unlike(&self, post: PostId, user: UserId) -> Like;
        /// Accounts that like a post.
        fn likes(&self, post: PostId, page: PageRequest) -> Page<Person>;
    }
}
