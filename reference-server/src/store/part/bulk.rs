//! Seed data: many rows at once, in the shapes that stores keep them in.

use super::part;
use crate::domain::{
    CommentId, ConversationId, MessageId, NotificationId, NotificationKind, PostId, Role, Timestamp, UserId,
};

part! {
    /// Seed data. Nobody else writes meanwhile.
    pub trait BulkStore {
        /// Notes that the data of this plan are coming, unless the store holds other data. Declared indexes are
        /// dropped until [`BulkStore::end_import`].
        fn begin_import(&self, plan: String) -> Import;
        /// Adds all rows. Those of an import that was cut short are the same, and are passed over.
        fn import(&self, batch: Batch) -> ();
        /// All data are there: declares indexes, or leaves them out.
        fn end_import(&self, indexes: bool) -> ();
    }
}

/// How far seed data have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Import {
    /// They may be imported: from the start, or once more after an import that was cut short.
    Open,
    /// They are there.
    Complete,
    /// The store was filled by this other plan.
    OtherPlan(String),
    /// The store holds accounts that no plan made.
    OtherData,
}

/// Rows of all kinds. Those that others refer to are in this batch, or in one before.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Accounts.
    pub users: Vec<UserRow>,
    /// Edges of the follow graph.
    pub follows: Vec<FollowRow>,
    /// Posts.
    pub posts: Vec<PostRow>,
    /// Likes of posts.
    pub likes: Vec<LikeRow>,
    /// Comments on posts.
    pub comments: Vec<CommentRow>,
    /// Notifications of all of these.
    pub notifications: Vec<NotificationRow>,
    /// Conversations of two.
    pub conversations: Vec<ConversationRow>,
    /// Their messages.
    pub messages: Vec<MessageRow>,
}

impl Batch {
    /// Rows of all kinds together.
    pub fn rows(&self) -> usize {
        let Self { users, follows, posts, likes, comments, notifications, conversations, messages } = self;
        let social = users.len() + follows.len() + posts.len() + likes.len() + comments.len();
        social + notifications.len() + conversations.len() + messages.len()
    }
}

/// An account with its counters.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// The account.
    pub id: UserId,
    /// Unique handle.
    pub username: String,
    /// Name for display.
    pub name: String,
    /// Unique address.
    pub email: String,
    /// argon2id in PHC notation.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// Words about itself.
    pub bio: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Accounts that follow this one.
    pub followers: u32,
    /// Accounts that this one follows.
    pub following: u32,
}

/// An edge of the follow graph.
#[derive(Debug, Clone)]
pub struct FollowRow {
    /// The edge, which is also its notification.
    pub id: NotificationId,
    /// Who follows.
    pub follower: UserId,
    /// Whom.
    pub followed: UserId,
}

/// A post with its counters.
#[derive(Debug, Clone)]
pub struct PostRow {
    /// The post.
    pub id: PostId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Likes of it.
    pub likes: u32,
    /// Comments on it.
    pub comments: u32,
}

/// A like.
#[derive(Debug, Clone)]
pub struct LikeRow {
    /// The like, which is also its notification.
    pub id: NotificationId,
    /// The post.
    pub post: PostId,
    /// Who likes it.
    pub user: UserId,
}

/// A comment.
#[derive(Debug, Clone)]
pub struct CommentRow {
    /// The comment.
    pub id: CommentId,
    /// The post.
    pub post: PostId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A notification.
#[derive(Debug, Clone)]
pub struct NotificationRow {
    /// The notification.
    pub id: NotificationId,
    /// Who is told.
    pub user: UserId,
    /// What happened.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: UserId,
    /// The post that it happened to.
    pub subject: Option<PostId>,
    /// When it happened.
    pub created_at: Timestamp,
    /// Whether it has been read.
    pub read: bool,
}

/// A conversation with its two members.
#[derive(Debug, Clone)]
pub struct ConversationRow {
    /// The conversation.
    pub id: ConversationId,
    /// The member with the lower id, and its unread messages.
    pub low: (UserId, u32),
    /// The other.
    pub high: (UserId, u32),
    /// The newest message.
    pub last_message: MessageId,
}

/// A message.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// The message.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Who sent it.
    pub from: UserId,
    /// Who receives it.
    pub to: UserId,
    /// What it says.
    pub text: String,
    /// When it was sent.
    pub created_at: Timestamp,
}
