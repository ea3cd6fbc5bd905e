//! What an administrator asks of the server itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::caller::Admin;
use super::document::{Always, NotAllowed};
use crate::app::App;
use crate::config::Steps;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(effective_config))
}

/// What the server was started with.
#[derive(Serialize, ToSchema)]
struct Effective {
    /// Which of several processes on the port answers; null when there is one.
    instance: Option<u32>,
    /// The steps that are on.
    steps: Steps,
    /// All settings as the settings file has them, with secrets masked.
    settings: Value,
}

/// Effective settings, secrets masked
#[utoipa::path(get, path = "/admin/config", tag = "admin",
    responses((status = 200, body = Effective), NotAllowed, Always))]
async fn effective_config(_: Admin, State(app): State<Arc<App>>) -> Result<Json<Effective>, ApiError> {
    let settings = serde_json::to_value(&app.config);
    Ok(Json(Effective {
        instance: app.config.instance.as_ref().map(|instance| instance.number),
        steps: Steps::of(&app.config),
        settings: settings.map_err(|failure| ApiError::Internal(failure.to_string()))?,
    }))
}
