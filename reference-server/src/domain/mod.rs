//! The things that the application is about, as plain values: no I/O, no transport.

mod account;
mod cursor;
mod follow;
mod id;
mod message;
mod notification;
mod person;
mod post;
mod timestamp;
mod validate;

pub use account::{Account, NewAccount, Profile};
pub use cursor::{BadCursor, Cursor, Page, PageRequest};
pub use follow::Follow;
pub use id::{ConversationId, MessageId, NotificationId, PostId, RoomId, UserId};
pub use message::{Conversation, Message};
pub use notification::{Notification, NotificationKind};
pub use person::Person;
pub use post::Post;
pub use timestamp::Timestamp;
pub use validate::{FieldError, Validator, limit};
