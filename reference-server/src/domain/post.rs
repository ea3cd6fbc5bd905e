//! Posts, and what readers add to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CommentId, Person, PostId, RoomId, Timestamp};

/// What a post is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PostKind {
    /// Its text.
    Text,
    /// A game of chess.
    Chess,
}

/// The game that a post shows, as it was when the post was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChessPost {
    /// Its room.
    pub room_id: RoomId,
    /// The code to join or watch it by.
    pub code: String,
    /// Who plays White.
    pub white: Person,
    /// Who plays Black, if anybody does yet.
    pub black: Option<Person>,
    /// `1-0`, `0-1` or `1/2-1/2` once it has ended.
    pub result: Option<String>,
}

/// A post with its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// The post.
    pub id: PostId,
    /// What it is about.
    pub kind: PostKind,
    /// What it says; may be empty beside a game.
    pub text: String,
    /// The game of a chess post.
    pub game: Option<ChessPost>,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub author: Person,
    /// Accounts that like it.
    pub likes: u64,
    /// Comments on it.
    pub comments: u64,
}

impl Post {
    /// A new post of text.
    pub fn of_text(author: Person, text: String) -> Self {
        Self::new(author, PostKind::Text, text, None)
    }

    /// A new post about a game.
    pub fn of_game(author: Person, text: String, game: ChessPost) -> Self {
        Self::new(author, PostKind::Chess, text, Some(game))
    }

    fn new(author: Person, kind: PostKind, text: String, game: Option<ChessPost>) -> Self {
        let (id, created_at) = (PostId::new(), Timestamp::now());
        Self { id, kind, text, game, created_at, author, likes: 0, comments: 0 }
    }
}

/// What somebody wrote under a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// The comment.
    pub id: CommentId,
    /// The post.
    pub post_id: PostId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub author: Person,
}

/// The state of one like after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Like {
    /// Whether the account likes the post now.
    pub liked: bool,
    /// Likes of the post now.
    pub likes: u64,
}
