//! What operators and their machines ask: alive, ready, and how it goes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::ApiError;
use crate::app::App;
use crate::config::Instance;
use crate::server::ask_sibling;
use crate::telemetry::merge;

/// A store that takes longer than this is not ready.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(async |State(app): State<Arc<App>>| health(&app)))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
}

/// Liveness: the process answers. Asks nobody else, so that a slow store restarts no server.
pub fn health(app: &App) -> Response {
    let uptime = app.started.elapsed().as_secs();
    let version = env!("CARGO_PKG_VERSION");
    let instance = app.config.instance.as_ref();
    let instance =
        instance.map_or_else(String::new, |instance| format!(r#","instance":{}"#, instance.number));
    let body = format!(r#"{{"status":"ok","uptimeSeconds":{uptime},"version":"{version}"{instance}}}"#);
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    app.telemetry.health_requests.increment(1);
    response
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    store: &'static str,
}

/// Readiness: whether requests should come here.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let answered = tokio::time::timeout(STORE_TIMEOUT, app.store.ping()).await;
    let store = match answered {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "down",
        Err(_) => "slow",
    };
    let status = match store {
        _ if app.is_draining() => "draining",
        "ok" => "ready",
        _ => "unavailable",
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Readiness { status, checks: Checks { store } })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    instance: Option<u32>,
}

/// The measurements of all instances on the port, or of one of them.
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
