//! What the machines of operators ask: how it goes.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::future::try_join_all;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ApiError, Problem};
use crate::app::App;
use crate::config::Instance;
use crate::server::ask_sibling;
use crate::telemetry::merge;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    /// One instance only.
    instance: Option<u32>,
}

/// What all instances on the port have measured, or one of them, in Prometheus's text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    security(()),
    params(MetricsQuery),
    responses(
        (status = 200, description = "All series", body = String, content_type = "text/plain"),
        (status = 404, description = "No such instance", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No number", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn metrics(
    State(app): State<Arc<App>>,
    query: Result<Query<MetricsQuery>, QueryRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Query(query) = query.map_err(|rejection| ApiError::WrongShape(rejection.body_text()))?;
    let is_asked = |number: &u32| query.instance.is_none_or(|one| one == *number);
    let text = match &app.config.instance {
        Some(instance) => merged(&app, instance, instance.numbers().filter(is_asked).collect()).await?,
        None if is_asked(&1) => measurements(&app).await?,
        None => return Err(ApiError::NotFound("instance")),
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

/// What this process has measured of itself.
pub async fn measurements(app: &Arc<App>) -> Result<String, ApiError> {
    let (sampled, shared) = (app.sample(), Arc::clone(app));
    let rendering = tokio::task::spawn_blocking(move || shared.telemetry.render(&sampled));
    rendering.await.map_err(|failure| ApiError::Internal(failure.to_string()))
}

async fn merged(app: &Arc<App>, instance: &Instance, numbers: Vec<u32>) -> Result<String, ApiError> {
    if numbers.is_empty() {
        return Err(ApiError::NotFound("instance"));
    }
    let texts = numbers.into_iter().map(async |number| match number == instance.number {
        true => Ok((number, Some(measurements(app).await?))),
        false => Ok::<_, ApiError>((number, ask_sibling(instance, number).await)),
    });
    Ok(merge(&try_join_all(texts).await?))
}
