//! The things that the application is about, as plain values: no I/O, no transport.

mod cursor;
mod id;
mod person;
mod record;
mod timestamp;
mod validate;

pub use cursor::{BadCursor, Cursor, Page, PageRequest};
pub use id::{ConversationId, MessageId, NotificationId, PostId, RoomId, UserId};
pub use person::Person;
pub use record::{
    Account, Conversation, Follow, Message, NewAccount, Notification, NotificationKind, Post, Profile,
};
pub use timestamp::Timestamp;
pub use validate::{FieldError, Validator, limit};
