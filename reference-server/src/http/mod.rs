//! The HTTP API: JSON in and out, errors as `application/problem+json`.

mod admin;
mod auth;
mod caller;
mod chess;
mod comments;
mod compress;
mod cookies;
mod document;
mod etag;
mod extract;
mod fields;
mod follows;
mod headers;
mod health;
mod jobs;
mod legal;
mod limit;
mod messages;
mod notifications;
mod object;
mod observe;
mod operations;
mod origin;
mod posts;
mod presence;
mod problem;
mod reply;
mod session;
mod stale;
mod uploads;
mod users;
mod warm;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use cookies::SessionCookieJar;
pub use headers::protect;
pub use health::health;
pub use operations::measurements;
pub use origin::Origins;
pub use problem::{ApiError, Problem};
pub use stale::game as game_is_stale;
pub use warm::warm;

use crate::app::App;

/// All routes. Those of `/api` are measured and have a time limit.
pub fn router(app: &Arc<App>) -> Router {
    let (api, mut document) = api().split_for_parts();
    let (operations, described) = operations().split_for_parts();
    let api = api
        .fallback(async || ApiError::NotFound("route"))
        .layer(DefaultBodyLimit::max(app.config.http.max_body_bytes))
        .layer(CatchPanicLayer::custom(problem::after_panic));
    let api = scaled(api, app).layer(from_fn_with_state(Arc::clone(app), observe::observe));
    document.merge(described);
    let routes = operations.merge(document::route(document)).merge(api);
    routes.method_not_allowed_fallback(async || ApiError::MethodNotAllowed).with_state(Arc::clone(app))
}

/// The scaling steps that are switched on. Tags are of uncompressed bodies, and refusals are compressed too.
fn scaled(api: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    let settings = &app.config.http;
    let etag = settings.etag.then(|| from_fn_with_state(Arc::clone(app), etag::etag));
    let limit = app.limiter.is_on().then(|| from_fn_with_state(Arc::clone(app), limit::limit));
    let finish = app.cache.is_on();
    let finish = finish.then(|| from_fn_with_state(Arc::clone(app), stale::finish_writes));
    let api = api.layer(option_layer(etag)).layer(option_layer(finish)).layer(option_layer(limit));
    if settings.compression.enabled { api.layer(compress::layer(settings.compression)) } else { api }
}

fn operations() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().merge(health::routes()).merge(operations::routes())
}

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(document::Document::openapi())
        .merge(admin::routes())
        .merge(auth::routes())
        .merge(session::routes())
        .merge(chess::routes())
        .merge(comments::routes())
        .merge(users::routes())
        .merge(follows::routes())
        .merge(posts::routes())
        .merge(presence::routes())
        .merge(notifications::routes())
        .merge(messages::routes())
        .merge(jobs::routes())
        .merge(legal::routes())
        .merge(uploads::routes())
}
