//! Posts.

use serde::Serialize;

use super::{Person, PostId, Timestamp};

/// A post with its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// The post.
    pub id: PostId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub author: Person,
}
