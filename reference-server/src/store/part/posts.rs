//! Posts and the feed.

use super::part;
use crate::domain::{Page, PageRequest, Post, PostId, RoomId, UserId};

part! {
    /// Posts and the feed.
    pub trait PostStore {
        /// Adds a post.
        fn create_post(&self, post: Post) -> ();
        /// One post.
        fn post(&self, post: PostId) -> Option<Post>;
        /// Removes a post with its likes, its comments and the notifications about it. Fails with
        /// [`StoreError::Missing`](crate::store::StoreError::Missing), and with
        /// [`StoreError::Forbidden`](crate::store::StoreError::Forbidden) when somebody else wrote it.
        fn delete_post(&self, post: PostId, author: UserId) -> ();
        /// Writes the result into the posts about the game of this room.
        fn end_game(&self, room: RoomId, result: String) -> ();
        /// Posts of the reader and of those that the reader follows.
        fn feed(&self, reader: UserId, page: PageRequest) -> Page<Post>;
        /// Posts of one author. Fails with [`StoreError::Missing`](crate::store::StoreError::Missing).
        fn posts_of(&self, author: UserId, page: PageRequest) -> Page<Post>;
    }
}
