//! Direct messages: kept in the store, then sent to the receiver's sockets.

use serde::Deserialize;
use serde_json::json;

use super::deliver::to_user;
use super::reply::{EventError, Reaction};
use super::session::Session;
use crate::app::App;
use crate::domain::{
    ConversationId, FieldError, Message, MessageId, Person, ReadConversation, Timestamp, UserId, Validator,
    limit,
};
use crate::store::StoreError;

/// The event that waits for the store.
pub const SEND: &str = "chat:send";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    to: UserId,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    to: UserId,
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// It breaks the rules.
    #[error("{}", .0.iter().map(|e| format!("{} {}", e.field, e.message)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotSent> for EventError {
    fn from(refused: NotSent) -> Self {
        let code = match &refused {
            NotSent::Invalid(_) => "bad_request",
            NotSent::Store(StoreError::Missing(_)) => "unknown_user",
            NotSent::Store(failure) => {
                tracing::error!(%failure, "a message was not stored");
                return Self { code: "internal", message: "the message was not stored".into() };
            }
        };
        Self { code, message: refused.to_string() }
    }
}

/// Keeps a message and tells the receiver, whichever way it came in.
pub async fn send_message(app: &App, from: &Person, to: UserId, text: String) -> Result<Message, NotSent> {
    let (id, created_at) = (MessageId::new(), Timestamp::now());
    let message = "you cannot write to yourself";
    let mut rules = Validator::default();
    rules.text("text", &text, limit::MESSAGE).check(to != from.id, "to", "self", || message.into());
    rules.finish().map_err(NotSent::Invalid)?;
    let conversation_id = ConversationId::new();
    let message = Message { id, conversation_id, from: from.id, to, text, created_at };
    let kept = app.store.send_message(message).await?;
    deliver(app, from, &kept);
    Ok(kept)
}

fn deliver(app: &App, from: &Person, message: &Message) {
    let data = json!({
        "id": message.id, "conversationId": message.conversation_id, "from": message.from, "to": message.to,
        "fromName": from.name, "text": message.text, "sentAt": message.created_at.millis_f64(),
    });
    to_user(app, message.to, "chat:message", &data);
}

/// Marks what the reader has been sent as read, and tells the sender if that is news. `None` when the reader is
/// no member.
pub async fn mark_conversation_read(
    app: &App,
    reader: &Person,
    conversation: ConversationId,
) -> Result<Option<u64>, StoreError> {
    let done = app.store.mark_conversation_read(reader.id, conversation).await?;
    if let Some(ReadConversation { with, read: 1.. }) = done {
        let read_at = Timestamp::now().millis_f64();
        let data = json!({ "conversationId": conversation, "by": reader.id, "readAt": read_at });
        to_user(app, with, "chat:read", &data);
    }
    Ok(done.map(|done| done.read))
}

pub async fn send(session: &Session, Send { to, text }: Send) -> Result<Reaction, EventError> {
    let kept = send_message(&session.app, &session.person, to, text).await?;
    Ok(Reaction::ack(json!({
        "id": kept.id, "conversationId": kept.conversation_id, "sentAt": kept.created_at.millis_f64(),
    })))
}

pub fn typing(session: &Session, Typing { to }: &Typing) -> Reaction {
    let data = json!({ "from": session.person.id, "fromName": session.person.name });
    to_user(&session.app, *to, "chat:typing", &data);
    Reaction::default()
}
