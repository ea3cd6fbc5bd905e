//! Comments on posts.

use super::part;
use crate::domain::{Comment, CommentId, Notified, Page, PageRequest, PostId, UserId};

part! {
    /// Comments on posts. Fails with [`StoreError::Missing`](crate::store::StoreError::Missing) when there is no
    /// such post. The count in the post always agrees with the list.
    pub trait CommentStore {
        /// Adds a comment; the author of the post is notified, unless that is the same account. The
        /// notification has the bytes of the comment as its identifier.
        fn add_comment(&self, comment: Comment) -> Notified<()>;
        /// Comments on a post.
        fn comments(&self, post: PostId, page: PageRequest) -> Page<Comment>;
        /// Removes a comment and its notification, for its author or the author of the post; for others it
        /// fails with [`StoreError::Forbidden`](crate::store::StoreError::Forbidden).
        fn delete_comment(&self, post: PostId, comment: CommentId, user: UserId) -> ();
    }
}
