//! What operators and their machines ask: alive, ready, and how it goes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::ApiError;
use crate::app::App;

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
    let body = format!(r#"{{"status":"ok","uptimeSeconds":{uptime},"version":"{version}"}}"#);
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

async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let sampled = app.sample();
    let rendering = tokio::task::spawn_blocking(move || app.telemetry.render(&sampled));
    let text = rendering.await.map_err(|failure| ApiError::Internal(failure.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
