//! Profiles.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use super::ApiError;
use super::extract::Caller;
use crate::app::App;
use crate::domain::Profile;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().route("/api/users/me", get(me)).route("/api/users/{user}", get(by_username))
}

pub async fn me(State(app): State<Arc<App>>, Caller(person): Caller) -> Result<Json<Profile>, ApiError> {
    app.store.profile(person.id).await?.map(Json).ok_or(ApiError::NotFound("user"))
}

pub async fn by_username(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Path(username): Path<String>,
) -> Result<Json<Profile>, ApiError> {
    app.store.profile_by_username(&username).await?.map(Json).ok_or(ApiError::NotFound("user"))
}
