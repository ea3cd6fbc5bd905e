//! The follow graph.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Always, BadFields, BadPage, Missing, Oneself};
use super::extract::{Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use super::reply::{self, Reply};
use super::stale;
use crate::app::App;
use crate::cache::Entity;
use crate::domain::{Follow, Page, Person, Suggestion, UserId, Validator};
use crate::socket;

/// Accounts that are suggested at once.
const SUGGESTIONS: usize = 20;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(follow, unfollow))
        .routes(routes!(followers))
        .routes(routes!(following))
        .routes(routes!(suggested))
}

/// Follows an account; the first time it is notified.
#[utoipa::path(post, path = "/api/users/{user}/follow", tag = "follows",
    params(("user" = UserId, Path, description = "The account")),
    responses((status = 200, body = Follow), Oneself, Missing, Always))]
pub async fn follow(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(user): Path<String>,
) -> Result<Json<Follow>, ApiError> {
    let followed = somebody_else(&person, &user)?;
    let done = app.store.follow(person.id, followed).await?;
    stale::follow(&app, person.id, followed).await;
    Ok(Json(socket::tell(&app, done)))
}

/// Ends following.
#[utoipa::path(delete, path = "/api/users/{user}/follow", tag = "follows",
    params(("user" = UserId, Path, description = "The account")),
    responses((status = 200, body = Follow), Oneself, Missing, Always))]
pub async fn unfollow(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(user): Path<String>,
) -> Result<Json<Follow>, ApiError> {
    let followed = somebody_else(&person, &user)?;
    let done = app.store.unfollow(person.id, followed).await?;
    stale::follow(&app, person.id, followed).await;
    Ok(Json(done))
}

fn somebody_else(person: &Person, user: &str) -> Result<UserId, ApiError> {
    let followed = identifier(user, "user")?;
    let message = || "you cannot follow yourself".into();
    Validator::default().check(followed != person.id, "id", "self", message).finish()?;
    Ok(followed)
}

/// Accounts that follow this one.
#[utoipa::path(get, path = "/api/users/{user}/followers", tag = "follows",
    params(("user" = UserId, Path, description = "The account"), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Person>), BadPage, Missing, Always))]
pub async fn followers(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(user): Path<String>,
    Paged(page): Paged<20>,
    fields: Fields<Person>,
) -> Result<Reply, ApiError> {
    let user = identifier(&user, "user")?;
    let load = async { Ok(app.store.followers(user, page).await?) };
    let variation = format!("followers:{}", reply::page_key(&page));
    Reply::cached(&app, Entity::Follows(user), &variation, load).await?.with_fields(&fields)
}

/// Accounts that this one follows.
#[utoipa::path(get, path = "/api/users/{user}/following", tag = "follows",
    params(("user" = UserId, Path, description = "The account"), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Person>), BadPage, Missing, Always))]
pub async fn following(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(user): Path<String>,
    Paged(page): Paged<20>,
    fields: Fields<Person>,
) -> Result<Reply, ApiError> {
    let user = identifier(&user, "user")?;
    let load = async { Ok(app.store.following(user, page).await?) };
    let variation = format!("following:{}", reply::page_key(&page));
    Reply::cached(&app, Entity::Follows(user), &variation, load).await?.with_fields(&fields)
}

/// Accounts that the caller may want to follow: friends of friends first, then popular ones. One page.
#[utoipa::path(get, path = "/api/users/suggested", tag = "follows", params(FieldsQuery),
    responses((status = 200, body = Page<Suggestion>), BadFields, Always))]
pub async fn suggested(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    fields: Fields<Suggestion>,
) -> Result<Response, ApiError> {
    let items = app.store.suggested(person.id, SUGGESTIONS).await?;
    fields.answer(&Page { items, next_cursor: None })
}
