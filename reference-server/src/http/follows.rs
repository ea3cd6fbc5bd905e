//! The follow graph.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use super::ApiError;
use super::extract::{Caller, Paged, identifier};
use crate::app::App;
use crate::domain::{Follow, Page, Person, UserId, Validator};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .route("/api/users/{user}/follow", post(follow).delete(unfollow))
        .route("/api/users/{user}/followers", get(followers))
        .route("/api/users/{user}/following", get(following))
}

pub async fn follow(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(user): Path<String>,
) -> Result<Json<Follow>, ApiError> {
    let followed = somebody_else(&person, &user)?;
    Ok(Json(app.store.follow(person.id, followed).await?.outcome))
}

pub async fn unfollow(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(user): Path<String>,
) -> Result<Json<Follow>, ApiError> {
    let followed = somebody_else(&person, &user)?;
    Ok(Json(app.store.unfollow(person.id, followed).await?))
}

fn somebody_else(person: &Person, user: &str) -> Result<UserId, ApiError> {
    let followed = identifier(user, "user")?;
    let message = || "you cannot follow yourself".into();
    Validator::default().check(followed != person.id, "id", "self", message).finish()?;
    Ok(followed)
}

pub async fn followers(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Path(user): Path<String>,
    Paged(page): Paged<20>,
) -> Result<Json<Page<Person>>, ApiError> {
    Ok(Json(app.store.followers(identifier(&user, "user")?, page).await?))
}

pub async fn following(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Path(user): Path<String>,
    Paged(page): Paged<20>,
) -> Result<Json<Page<Person>>, ApiError> {
    Ok(Json(app.store.following(identifier(&user, "user")?, page).await?))
}
