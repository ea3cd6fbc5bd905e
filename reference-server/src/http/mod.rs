//! The HTTP API: JSON in and out, errors as `application/problem+json`.

mod auth;
mod extract;
mod follows;
mod messages;
mod notifications;
mod observe;
mod operations;
mod posts;
mod problem;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

pub use operations::health;
pub use problem::ApiError;

use crate::app::App;

/// All routes. Those of `/api` are measured and have a time limit.
pub fn router(app: &Arc<App>) -> Router {
    let api = api()
        .layer(DefaultBodyLimit::max(app.config.max_body_bytes))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn_with_state(Arc::clone(app), observe::observe));
    let routes = operations::routes().merge(api);
    routes.method_not_allowed_fallback(async || ApiError::MethodNotAllowed).with_state(Arc::clone(app))
}

fn api() -> Router<Arc<App>> {
    Router::new()
        .route("/api/auth/register", post(auth::register))
        .route("/api/auth/login", post(auth::login))
        .route("/api/auth/guest", post(auth::guest))
        .route("/api/users/me", get(users::me))
        .route("/api/users/{user}", get(users::by_username))
        .route("/api/users/{user}/follow", post(follows::follow).delete(follows::unfollow))
        .route("/api/users/{user}/followers", get(follows::followers))
        .route("/api/users/{user}/following", get(follows::following))
        .route("/api/posts", post(posts::create))
        .route("/api/posts/{post}", get(posts::find))
        .route("/api/feed", get(posts::feed))
        .route("/api/notifications", get(notifications::list))
        .route("/api/notifications/read", post(notifications::mark_read))
        .route("/api/messages", post(messages::send))
        .route("/api/conversations", get(messages::conversations))
        .route("/api/conversations/{conversation}/messages", get(messages::list))
        .fallback(async || ApiError::NotFound("route"))
}
