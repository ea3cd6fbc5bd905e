//! Notifications and their read state.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use super::ApiError;
use super::extract::{Caller, Paged};
use crate::app::App;
use crate::domain::{Notification, Page};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .route("/api/notifications", get(list))
        .route("/api/notifications/read", post(mark_read))
}

/// A page, and how many of all notifications are unread.
#[derive(Serialize)]
pub struct Notifications {
    #[serde(flatten)]
    page: Page<Notification>,
    unread: u64,
}

pub async fn list(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Paged(page): Paged<50>,
) -> Result<Json<Notifications>, ApiError> {
    let page = app.store.notifications(person.id, page).await?;
    let unread = app.store.unread(person.id).await?;
    Ok(Json(Notifications { page, unread }))
}

/// How many were marked.
#[derive(Serialize)]
pub struct Marked {
    read: u64,
}

pub async fn mark_read(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
) -> Result<Json<Marked>, ApiError> {
    Ok(Json(Marked { read: app.store.mark_read(person.id).await? }))
}
