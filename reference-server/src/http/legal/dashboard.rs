//! The numbers that a member sees first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::member::Member;
use crate::app::App;
use crate::domain::{Dashboard, Timestamp};
use crate::http::ApiError;
use crate::http::document::{Always, BadFields};
use crate::http::fields::{Fields, FieldsQuery};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(dashboard))
}

/// How many cases and consultations the member has, by status; administrators see those of all.
#[utoipa::path(get, path = "/api/dashboard", tag = "dashboard", params(FieldsQuery),
    responses((status = 200, body = Dashboard), BadFields, Always))]
pub async fn dashboard(
    State(app): State<Arc<App>>,
    member: Member,
    fields: Fields<Dashboard>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.dashboard(member.own(), Timestamp::now()).await?)
}
