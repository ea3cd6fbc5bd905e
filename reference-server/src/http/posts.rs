//! Posts and the feed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::ApiError;
use super::extract::{Body, Caller, Paged, identifier};
use crate::app::App;
use crate::domain::{Page, Post, Validator, limit};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .route("/api/posts", post(create))
        .route("/api/posts/{post}", get(find))
        .route("/api/feed", get(feed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPost {
    text: String,
}

pub async fn create(
    State(app): State<Arc<App>>,
    Caller(author): Caller,
    Body(NewPost { text }): Body<NewPost>,
) -> Result<(StatusCode, Json<Post>), ApiError> {
    Validator::default().text("text", &text, limit::POST).finish()?;
    let post = Post::of_text(author, text);
    app.store.create_post(post.clone()).await?;
    Ok((StatusCode::CREATED, Json(post)))
}

pub async fn find(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Path(post): Path<String>,
) -> Result<Json<Post>, ApiError> {
    let found = app.store.post(identifier(&post, "post")?).await?;
    found.map(Json).ok_or(ApiError::NotFound("post"))
}

pub async fn feed(
    State(app): State<Arc<App>>,
    Caller(reader): Caller,
    Paged(page): Paged<20>,
) -> Result<Json<Page<Post>>, ApiError> {
    Ok(Json(app.store.feed(reader.id, page).await?))
}
