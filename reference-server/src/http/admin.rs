//! What an administrator asks of the server itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Always, Missing};
use crate::app::App;
use crate::config::Steps;
use crate::server::ClientAddress;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(effective_config))
}

/// Whoever may ask. To everybody else there is no such route.
struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let client = parts.extensions.get::<ClientAddress>();
        let is_near = client.is_some_and(ClientAddress::is_this_machine);
        if is_near || app.config.security.remote_admin { Ok(Self) } else { Err(ApiError::NotFound("route")) }
    }
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
    responses((status = 200, body = Effective), Missing, Always))]
async fn effective_config(_: Operator, State(app): State<Arc<App>>) -> Result<Json<Effective>, ApiError> {
    let settings = serde_json::to_value(&app.config);
    Ok(Json(Effective {
        instance: app.config.instance.as_ref().map(|instance| instance.number),
        steps: Steps::of(&app.config),
        settings: settings.map_err(|failure| ApiError::Internal(failure.to_string()))?,
    }))
}
