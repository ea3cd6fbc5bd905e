//! Comments on posts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{self, Always, BadBody, BadPage, Foreign, Missing};
use super::extract::{Body, Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use super::stale;
use crate::app::App;
use crate::domain::{Comment, CommentId, Page, PostId, Timestamp, Validator, limit};
use crate::socket;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(delete))
}

/// A comment about to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// What it says.
    #[schema(schema_with = document::text::<{ limit::COMMENT }>)]
    text: String,
}

/// Comments on a post; its author is notified.
#[utoipa::path(post, path = "/api/posts/{post}/comments", tag = "comments", request_body = NewComment,
    params(("post" = PostId, Path, description = "The post")),
    responses((status = 201, body = Comment), BadBody, Missing, Always))]
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(author): Caller,
    Path(post): Path<String>,
    Body(NewComment { text }): Body<NewComment>,
) -> Result<(StatusCode, Json<Comment>), ApiError> {
    Validator::default().text("text", &text, limit::COMMENT).finish()?;
    let (id, post_id) = (CommentId::new(), identifier(&post, "post")?);
    let comment = Comment { id, post_id, text, created_at: Timestamp::now(), author };
    let done = app.store.add_comment(comment.clone()).await?;
    stale::post(&app, post_id).await;
    stale::told(&app, &done).await;
    socket::tell(&app, done);
    Ok((StatusCode::CREATED, Json(comment)))
}

/// Comments on a post.
#[utoipa::path(get, path = "/api/posts/{post}/comments", tag = "comments",
    params(("post" = PostId, Path, description = "The post"), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Comment>), BadPage, Missing, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(post): Path<String>,
    Paged(page): Paged<20>,
    fields: Fields<Comment>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.comments(identifier(&post, "post")?, page).await?)
}

/// Removes a comment of the caller, or one on a post of the caller.
#[utoipa::path(delete, path = "/api/posts/{post}/comments/{comment}", tag = "comments",
    params(("post" = PostId, Path, description = "The post"),
        ("comment" = CommentId, Path, description = "The comment")),
    responses((status = 204), Foreign, Always))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path((post, comment)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (post, comment) = (identifier(&post, "post")?, identifier(&comment, "comment")?);
    app.store.delete_comment(post, comment, person.id).await?;
    stale::post(&app, post).await;
    stale::notifications_of_author(&app, post).await;
    Ok(StatusCode::NO_CONTENT)
}
