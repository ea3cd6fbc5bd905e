//! Around every request of the API: a time limit, a measurement, and a line in the debug log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, uploads};
use crate::app::App;
use crate::server::RequestId;

/// Measures by route, not by path: identifiers in paths would make every request its own series.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let _under_way = app.telemetry.request_under_way();
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = tokio::time::timeout(time_limit(&app, &request), next.run(request)).await;
    let response = answer.unwrap_or_else(|_| ApiError::Timeout.into_response());
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.telemetry.http_request(route, status, took);
    tracing::Span::current().record("http.route", route).record("http.response.status_code", status);
    if response.status().is_server_error() {
        let request_id = RequestId::current();
        let request_id = request_id.as_ref().map(RequestId::as_str);
        tracing::warn!(request_id, route, status, ?took, "request failed");
    } else {
        tracing::debug!(route, status, ?took, "request");
    }
    response
}

/// A file may come slowly.
fn time_limit(app: &App, request: &Request) -> Duration {
    let takes_a_file = request.method() == Method::POST && request.uri().path() == uploads::PATH;
    if takes_a_file { app.config.uploads.request_timeout } else { app.config.http.request_timeout }
}
