//! Posts and the feed.

use super::part;
use crate::domain::{Page, PageRequest, Post, PostId, UserId};

part! {
    /// Posts and the feed.
    pub trait PostStore {
        /// Adds a post.
        fn create_post(&self, post: Post) -> ();
        /// One post.
        fn post(&self, post: PostId) -> Option<Post>;
        /// Posts of the reader and of those that the reader follows.
        fn feed(&self, reader: UserId, page: PageRequest) -> Page<Post>;
    }
}
