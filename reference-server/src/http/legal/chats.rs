//! Chats about cases. A message reaches the sockets of the other participant too.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cases;
use super::member::Member;
use crate::app::App;
use crate::domain::{
    Case, CaseChat, CaseRef, ChatId, ChatMessage, MessageId, Page, Person, Timestamp, UserId, Validator,
    WrongState, limit,
};
use crate::http::ApiError;
use crate::http::document::{Always, BadBody, BadFields, BadPage, Conflict, Missing, NotAllowed};
use crate::http::extract::{Body, Caller, PageQuery, Paged, Path, identifier};
use crate::http::fields::{Fields, FieldsQuery};
use crate::socket;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(open, list)).routes(routes!(find)).routes(routes!(messages, send))
}

/// What to talk about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChat {
    /// A query or a dispute that a lawyer has taken.
    about: CaseRef,
}

/// Opens the chat about a case, for its citizen or its lawyer. There is one for each case and lawyer.
#[utoipa::path(post, path = "/api/chats", tag = "chats", request_body = NewChat,
    responses((status = 201, body = CaseChat), (status = 200, description = "it exists", body = CaseChat),
        BadBody, NotAllowed, Missing, Conflict, Always))]
pub async fn open(
    State(app): State<Arc<App>>,
    member: Member,
    Body(NewChat { about }): Body<NewChat>,
) -> Result<(StatusCode, Json<CaseChat>), ApiError> {
    let case = cases::visible(&app, &member, about).await?;
    let wanted = new_chat(case, member.id())?;
    let id = wanted.id;
    let chat = app.store.open_chat(wanted).await?;
    let status = if chat.id == id { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(chat)))
}

fn new_chat(case: Case, participant: UserId) -> Result<CaseChat, ApiError> {
    let (about, what) = (case.reference(), case.kind().as_str());
    if !case.is_of(participant) && !case.is_with(participant) {
        return Err(ApiError::NotFound(what));
    }
    let state = case.status.as_str();
    let lawyer = case.lawyer.ok_or(WrongState { what, state, step: "discussed" })?;
    let (id, created_at) = (ChatId::new(), Timestamp::now());
    Ok(CaseChat { id, about, citizen: case.citizen, lawyer, created_at, last_message: None })
}

/// The own chats, by their newest message.
#[utoipa::path(get, path = "/api/chats", tag = "chats", params(PageQuery, FieldsQuery),
    responses((status = 200, body = Page<CaseChat>), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Paged(page): Paged<20>,
    fields: Fields<CaseChat>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.chats(person.id, page).await?)
}

/// One chat, for its participants.
#[utoipa::path(get, path = "/api/chats/{id}", tag = "chats", params(("id" = ChatId, Path), FieldsQuery),
    responses((status = 200, body = CaseChat), BadFields, Missing, Always))]
pub async fn find(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(chat): Path<String>,
    fields: Fields<CaseChat>,
) -> Result<Response, ApiError> {
    let found = app.store.chat(person.id, identifier(&chat, "chat")?).await?;
    fields.answer(&found.ok_or(ApiError::NotFound("chat"))?)
}

/// Messages of a chat, for its participants.
#[utoipa::path(get, path = "/api/chats/{id}/messages", tag = "chats",
    params(("id" = ChatId, Path), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<ChatMessage>), BadPage, Missing, Always))]
pub async fn messages(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(chat): Path<String>,
    Paged(page): Paged<50>,
    fields: Fields<ChatMessage>,
) -> Result<Response, ApiError> {
    let found = app.store.chat_messages(person.id, identifier(&chat, "chat")?, page).await?;
    fields.answer(&found.ok_or(ApiError::NotFound("chat"))?)
}

/// What to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChatMessage {
    #[schema(min_length = 1, max_length = 4_000)]
    text: String,
}

/// Says something in a chat, as one of its participants.
#[utoipa::path(post, path = "/api/chats/{id}/messages", tag = "chats", params(("id" = ChatId, Path)),
    request_body = NewChatMessage, responses((status = 201, body = ChatMessage), BadBody, Missing, Always))]
pub async fn send(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(chat): Path<String>,
    Body(NewChatMessage { text }): Body<NewChatMessage>,
) -> Result<(StatusCode, Json<ChatMessage>), ApiError> {
    Validator::default().text("text", &text, limit::MESSAGE).finish()?;
    let (id, chat_id, created_at) = (MessageId::new(), identifier(&chat, "chat")?, Timestamp::now());
    let message = ChatMessage { id, chat_id, from: person.id, text, created_at };
    let receiver = app.store.add_chat_message(message.clone()).await?.ok_or(ApiError::NotFound("chat"))?;
    deliver(&app, &person, &message, receiver);
    Ok((StatusCode::CREATED, Json(message)))
}

fn deliver(app: &App, from: &Person, message: &ChatMessage, receiver: UserId) {
    let data = json!({
        "id": message.id, "chatId": message.chat_id, "from": message.from, "fromName": from.name,
        "text": message.text, "sentAt": message.created_at.millis_f64(),
    });
    socket::to_user(app, receiver, "case:message", &data);
}
