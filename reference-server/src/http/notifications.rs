//! Notifications and their read state.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Always, BadPage, Missing};
use super::extract::{Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use super::reply::Reply;
use super::stale;
use crate::app::App;
use crate::cache::Entity;
use crate::domain::{Notification, NotificationId, Page, UserId};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(unread))
        .routes(routes!(mark_read))
        .routes(routes!(mark_one_read))
}

/// A page, and how many of all notifications are unread.
#[derive(Serialize, ToSchema)]
pub struct Notifications {
    #[serde(flatten)]
    page: Page<Notification>,
    /// Notifications not read yet.
    unread: u64,
}

/// Notifications of the caller.
#[utoipa::path(get, path = "/api/notifications", tag = "notifications", params(PageQuery, FieldsQuery),
    responses((status = 200, body = Notifications), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Paged(page): Paged<50>,
    fields: Fields<Notification>,
) -> Result<Response, ApiError> {
    let page = app.store.notifications(person.id, page).await?;
    let Unread { unread } = count(&app, person.id).await?.value()?;
    fields.answer(&Notifications { page, unread })
}

/// How many are unread.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Unread {
    /// Notifications not read yet.
    unread: u64,
}

/// How many notifications of the caller are unread.
#[utoipa::path(get, path = "/api/notifications/unread", tag = "notifications",
    responses((status = 200, body = Unread), Always))]
pub async fn unread(State(app): State<Arc<App>>, Caller(person): Caller) -> Result<Reply, ApiError> {
    count(&app, person.id).await
}

async fn count(app: &App, user: UserId) -> Result<Reply, ApiError> {
    let load = async { Ok(Unread { unread: app.store.unread(user).await? }) };
    Reply::cached(app, Entity::Unread(user), "", load).await
}

/// How many were marked.
#[derive(Serialize, ToSchema)]
pub struct Marked {
    /// What was unread before.
    pub read: u64,
}

/// Marks all notifications of the caller as read.
#[utoipa::path(post, path = "/api/notifications/read", tag = "notifications",
    responses((status = 200, body = Marked), Always))]
pub async fn mark_read(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
) -> Result<Json<Marked>, ApiError> {
    let read = app.store.mark_read(person.id).await?;
    stale::notifications(&app, person.id).await;
    Ok(Json(Marked { read }))
}

/// Marks one notification of the caller as read.
#[utoipa::path(post, path = "/api/notifications/{notification}/read", tag = "notifications",
    params(("notification" = NotificationId, Path, description = "The notification")),
    responses((status = 200, body = Marked), Missing, Always))]
pub async fn mark_one_read(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(notification): Path<String>,
) -> Result<Json<Marked>, ApiError> {
    let notification = identifier(&notification, "notification")?;
    let read = app.store.mark_one_read(person.id, notification).await?;
    stale::notifications(&app, person.id).await;
    Ok(Json(Marked { read }))
}
