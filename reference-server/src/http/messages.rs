//! Conversations of two. What happens here reaches the other member's sockets too.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Always, BadBody, BadPage, Missing};
use super::extract::{Body, Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use super::notifications::Marked;
use crate::app::App;
use crate::domain::{Conversation, ConversationId, Message, Page, UserId};
use crate::socket::{self, NotSent};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(send))
        .routes(routes!(conversations))
        .routes(routes!(list))
        .routes(routes!(mark_read))
}

/// A message about to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// The receiver.
    to: UserId,
    /// What it says.
    #[schema(min_length = 1, max_length = 4_000)]
    text: String,
}

/// Sends a message.
#[utoipa::path(post, path = "/api/messages", tag = "messages", request_body = NewMessage,
    responses((status = 201, body = Message), BadBody, Missing, Always))]
pub async fn send(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Body(NewMessage { to, text }): Body<NewMessage>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let message = socket::send_message(&app, &person, to, text).await?;
    Ok((StatusCode::CREATED, Json(message)))
}

impl From<NotSent> for ApiError {
    fn from(refused: NotSent) -> Self {
        match refused {
            NotSent::Invalid(errors) => Self::Invalid(errors),
            NotSent::Store(failure) => failure.into(),
        }
    }
}

/// Conversations of the caller, by their newest message.
#[utoipa::path(get, path = "/api/conversations", tag = "messages", params(PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Conversation>), BadPage, Always))]
pub async fn conversations(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Paged(page): Paged<50>,
    fields: Fields<Conversation>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.conversations(person.id, page).await?)
}

/// Messages of a conversation, for its members.
#[utoipa::path(get, path = "/api/conversations/{conversation}/messages", tag = "messages",
    params(("conversation" = ConversationId, Path, description = "The conversation"), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Message>), BadPage, Missing, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(conversation): Path<String>,
    Paged(page): Paged<50>,
    fields: Fields<Message>,
) -> Result<Response, ApiError> {
    let conversation = identifier(&conversation, "conversation")?;
    let found = app.store.messages(person.id, conversation, page).await?;
    fields.answer(&found.ok_or(ApiError::NotFound("conversation"))?)
}

/// Marks the messages to the caller as read; the other member's sockets are told.
#[utoipa::path(post, path = "/api/conversations/{conversation}/read", tag = "messages",
    params(("conversation" = ConversationId, Path, description = "The conversation")),
    responses((status = 200, body = Marked), Missing, Always))]
pub async fn mark_read(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(conversation): Path<String>,
) -> Result<Json<Marked>, ApiError> {
    let conversation = identifier(&conversation, "conversation")?;
    let read = socket::mark_conversation_read(&app, &person, conversation).await?;
    read.map(|read| Json(Marked { read })).ok_or(ApiError::NotFound("conversation"))
}
