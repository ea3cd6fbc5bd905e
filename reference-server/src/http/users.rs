//! Profiles.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{self, Always, BadBody, BadFields, BadPage, Missing};
use super::extract::{Body, Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use crate::app::App;
use crate::domain::{Page, Post, Profile, ProfileChange, UploadId, UserId, Validator, limit};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(me, change)).routes(routes!(by_username)).routes(routes!(posts))
}

/// The caller's own profile.
#[utoipa::path(get, path = "/api/users/me", tag = "users", params(FieldsQuery),
    responses((status = 200, body = Profile), BadFields, Missing, Always))]
pub async fn me(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    fields: Fields<Profile>,
) -> Result<Response, ApiError> {
    let found = app.store.profile(person.id).await?;
    fields.answer(&found.ok_or(ApiError::NotFound("user"))?)
}

/// What is absent stays; an `avatar` that is `null` is taken away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfile {
    /// Display name.
    #[schema(schema_with = document::optional_text::<{ limit::NAME }>)]
    name: Option<String>,
    /// Words about oneself.
    #[schema(schema_with = document::optional_text_or_nothing::<{ limit::BIO }>)]
    bio: Option<String>,
    /// An upload.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<UploadId>)]
    avatar: Option<Option<UploadId>>,
}

/// Tells `null` from absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Changes the caller's own profile.
#[utoipa::path(patch, path = "/api/users/me", tag = "users", request_body = ChangeProfile,
    responses((status = 200, body = Profile), BadBody, Missing, Always))]
pub async fn change(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Body(ChangeProfile { name, bio, avatar }): Body<ChangeProfile>,
) -> Result<Json<Profile>, ApiError> {
    let mut rules = Validator::default();
    if let Some(name) = &name {
        rules.name(name);
    }
    if let Some(bio) = &bio {
        rules.bio(bio);
    }
    rules.finish()?;
    Ok(Json(app.store.change_profile(person.id, ProfileChange { name, bio, avatar }).await?))
}

/// The profile of an account.
#[utoipa::path(get, path = "/api/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Username, in any case of letters"), FieldsQuery),
    responses((status = 200, body = Profile), BadFields, Missing, Always))]
pub async fn by_username(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(username): Path<String>,
    fields: Fields<Profile>,
) -> Result<Response, ApiError> {
    let found = app.store.profile_by_username(&username).await?;
    fields.answer(&found.ok_or(ApiError::NotFound("user"))?)
}

/// Posts of an account.
#[utoipa::path(get, path = "/api/users/{user}/posts", tag = "users",
    params(("user" = UserId, Path, description = "The account"), PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Post>), BadPage, Missing, Always))]
pub async fn posts(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(user): Path<String>,
    Paged(page): Paged<20>,
    fields: Fields<Post>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.posts_of(identifier(&user, "user")?, page).await?)
}
