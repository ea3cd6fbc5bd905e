//! The things that the application is about, as plain values: no I/O, no transport.

mod account;
mod case;
mod case_chat;
mod consultation;
mod cursor;
mod dashboard;
mod directory;
mod follow;
pub mod hex;
mod id;
mod message;
mod notification;
mod person;
mod post;
mod session;
mod timestamp;
mod upload;
mod validate;
mod words;

pub use account::{Account, NewAccount, Profile, ProfileChange, Role};
pub use case::{
    Case, CaseFilter, CaseKind, CaseRef, CaseStatus, CaseStep, Matter, PracticeArea, Whose, WrongState,
};
pub use case_chat::{CaseChat, ChatMessage};
pub use consultation::{Consultation, ConsultationFilter, ConsultationStatus, ConsultationStep};
pub use cursor::{BadCursor, Cursor, Page, PageRequest};
pub use dashboard::{Counts, Dashboard};
pub use directory::{Lawyer, LawyerChange, UserChange, UserFilter, UserRecord};
pub use follow::{Follow, Suggestion};
pub use id::{
    CaseId, ChatId, CommentId, ConsultationId, ConversationId, MessageId, NotificationId, PostId, RoomId,
    SessionId, UploadId, UserId,
};
pub use message::{Conversation, Message, ReadConversation};
pub use notification::{Notification, NotificationKind, Notified};
pub use person::Person;
pub use post::{ChessPost, Comment, Like, Post, PostKind};
pub use session::{NewSession, Rotated, Rotation, TokenHash};
pub use timestamp::Timestamp;
pub use upload::{FileType, Sha256, Upload, UploadStatus};
pub use validate::{FieldError, Validator, limit};
pub use words::UnknownWord;
