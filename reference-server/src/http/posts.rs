//! Posts, the feed and likes.

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
use super::document::{self, Always, BadBody, BadFields, BadPage, Foreign, Missing};
use super::extract::{Body, Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use super::reply::{self, Reply};
use super::stale;
use crate::app::App;
use crate::cache::Entity;
use crate::domain::{Like, Page, Person, Post, PostId, Validator, limit};
use crate::socket;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(find, delete))
        .routes(routes!(feed))
        .routes(routes!(like, unlike))
        .routes(routes!(likes))
}

/// A post about to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPost {
    /// What it says.
    #[schema(schema_with = document::text::<{ limit::POST }>)]
    text: String,
}

/// Writes a post.
#[utoipa::path(post, path = "/api/posts", tag = "posts", request_body = NewPost,
    responses((status = 201, body = Post), BadBody, Always))]
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(author): Caller,
    Body(NewPost { text }): Body<NewPost>,
) -> Result<(StatusCode, Json<Post>), ApiError> {
    Validator::default().text("text", &text, limit::POST).finish()?;
    let post = Post::of_text(author, text);
    app.store.create_post(post.clone()).await?;
    stale::feeds(&app, post.author.id).await;
    Ok((StatusCode::CREATED, Json(post)))
}

/// One post.
#[utoipa::path(get, path = "/api/posts/{post}", tag = "posts",
    params(("post" = PostId, Path, description = "The post"), FieldsQuery),
    responses((status = 200, body = Post), BadFields, Missing, Always))]
pub async fn find(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(post): Path<String>,
    fields: Fields<Post>,
) -> Result<Reply, ApiError> {
    one(&app, identifier(&post, "post")?).await?.with_fields(&fields)
}

/// A post, which is the same for all who see it.
pub async fn one(app: &App, post: PostId) -> Result<Reply, ApiError> {
    let load = async { app.store.post(post).await?.ok_or(ApiError::NotFound("post")) };
    Reply::cached(app, Entity::Post(post), "", load).await
}

/// Removes a post of the caller, with its likes, its comments and the notifications about it.
#[utoipa::path(delete, path = "/api/posts/{post}", tag = "posts",
    params(("post" = PostId, Path, description = "The post")),
    responses((status = 204), Foreign, Always))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Caller(author): Caller,
    Path(post): Path<String>,
) -> Result<StatusCode, ApiError> {
    let post = identifier(&post, "post")?;
    app.store.delete_post(post, author.id).await?;
    stale::post(&app, post).await;
    stale::notifications(&app, author.id).await;
    stale::feeds(&app, author.id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Posts of the caller and of those that the caller follows.
#[utoipa::path(get, path = "/api/feed", tag = "posts", params(PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Post>), BadPage, Always))]
pub async fn feed(
    State(app): State<Arc<App>>,
    Caller(reader): Caller,
    Paged(page): Paged<20>,
    fields: Fields<Post>,
) -> Result<Reply, ApiError> {
    let load = async { Ok(app.store.feed(reader.id, page).await?) };
    let feed = Reply::cached(&app, Entity::Feed(reader.id), &reply::page_key(&page), load).await?;
    feed.with_fields(&fields)
}

/// Likes a post; the first time its author is notified.
#[utoipa::path(post, path = "/api/posts/{post}/like", tag = "posts",
    params(("post" = PostId, Path, description = "The post")),
    responses((status = 200, body = Like), Missing, Always))]
pub async fn like(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(post): Path<String>,
) -> Result<Json<Like>, ApiError> {
    let post = identifier(&post, "post")?;
    let done = app.store.like(post, person.id).await?;
    stale::post(&app, post).await;
    stale::told(&app, &done).await;
    Ok(Json(socket::tell(&app, done)))
}

/// Takes a like back.
#[utoipa::path(delete, path = "/api/posts/{post}/like", tag = "posts",
    params(("post" = PostId, Path, description = "The post")),
    responses((status = 200, body = Like), Missing, Always))]
pub async fn unlike(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(post): Path<String>,
) -> Result<Json<Like>, ApiError> {
    let post = identifier(&post, "post")?;
    let done = app.store.unlike(post, person.id).await?;
    stale::post(&app, post).await;
    Ok(Json(done))
}

/// Accounts that like a post.
#[utoipa::path(get, path = "/api/posts/{post}/likes", tag = "posts",
    params(("post" = PostId, Path, description = "The post"), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Person>), BadPage, Missing, Always))]
pub async fn likes(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(post): Path<String>,
    Paged(page): Paged<20>,
    fields: Fields<Person>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.likes(identifier(&post, "post")?, page).await?)
}
