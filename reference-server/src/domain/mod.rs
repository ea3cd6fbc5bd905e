//! The things that the application is about, as plain values: no I/O, no transport.

mod account;
mod cursor;
mod follow;
pub mod hex;
mod id;
mod message;
mod notification;
mod person;
mod post;
mod session;
mod timestamp;
mod validate;

pub use account::{Account, NewAccount, Profile, ProfileChange, Role};
pub use cursor::{BadCursor, Cursor, Page, PageRequest};
pub use follow::{Follow, Suggestion};
pub use id::{
    CommentId, ConversationId, MessageId, NotificationId, PostId, RoomId, SessionId, UploadId, UserId,
};
pub use message::{Conversation, Message, ReadConversation};
pub use notification::{Notification, NotificationKind, Notified};
pub use person::Person;
pub use post::{ChessPost, Comment, Like, Post, PostKind};
pub use session::{NewSession, Rotated, Rotation, TokenHash};
pub use timestamp::Timestamp;
pub use validate::{FieldError, Validator, limit};
