//! Conversations of two. A message sent here reaches the receiver's sockets too.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::ApiError;
use super::extract::{Body, Caller, Paged, identifier};
use crate::app::App;
use crate::domain::{Conversation, Message, Page, UserId};
use crate::socket::{self, NotSent};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .route("/api/messages", post(send))
        .route("/api/conversations", get(conversations))
        .route("/api/conversations/{conversation}/messages", get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    to: UserId,
    text: String,
}

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

pub async fn conversations(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Paged(page): Paged<50>,
) -> Result<Json<Page<Conversation>>, ApiError> {
    Ok(Json(app.store.conversations(person.id, page).await?))
}

pub async fn list(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(conversation): Path<String>,
    Paged(page): Paged<50>,
) -> Result<Json<Page<Message>>, ApiError> {
    let conversation = identifier(&conversation, "conversation")?;
    let found = app.store.messages(person.id, conversation, page).await?;
    found.map(Json).ok_or(ApiError::NotFound("conversation"))
}
