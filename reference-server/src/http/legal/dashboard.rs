//! The numbers that a member sees first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::member::Member;
use crate::app::App;
use crate::domain::{Dashboard, Timestamp};
use crate::http::ApiError;
use crate::http::refusals::Read;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(dashboard))
}

/// How many cases and consultations the member has, by status; administrators see those of all.
#[utoipa::path(get, path = "/api/dashboard", tag = "legal",
    responses((status = 200, body = Dashboard), Read))]
pub async fn dashboard(State(app): State<Arc<App>>, member: Member) -> Result<Json<Dashboard>, ApiError> {
    Ok(Json(app.store.dashboard(member.own(), Timestamp::now()).await?))
}
