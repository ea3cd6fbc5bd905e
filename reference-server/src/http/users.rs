//! Profiles.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{self, Always, BadBody, BadFields, BadPage, Missing};
use super::extract::{Body, Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use super::reply::Reply;
use super::stale;
use crate::app::App;
use crate::cache::Entity;
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
) -> Result<Reply, ApiError> {
    profile(&app, person.id).await?.with_fields(&fields)
}

/// A profile, which is the same for all who see it.
pub async fn profile(app: &App, user: UserId) -> Result<Reply, ApiError> {
    let load = async { app.store.profile(user).await?.ok_or(ApiError::NotFound("user")) };
    Reply::cached(app, Entity::Profile(user), "", load).await
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
    let changed = app.store.change_profile(person.id, ProfileChange { name, bio, avatar }).await?;
    stale::profile(&app, person.id).await;
    Ok(Json(changed))
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
    let account = Entity::Username(username.to_ascii_lowercase().into());
    if app.cache.keeps(&account) && may_be_username(&username) {
        let user = user_named(&app, account, &username).await?;
        return Ok(profile(&app, user).await?.with_fields(&fields)?.into_response());
    }
    let found = app.store.profile_by_username(&username).await?;
    fields.answer(&found.ok_or(ApiError::NotFound("user"))?)
}

/// Whose username this is. That never changes, so it is never dropped.
async fn user_named(app: &App, account: Entity, username: &str) -> Result<UserId, ApiError> {
    let load = async {
        let found = app.store.profile_by_username(username).await?;
        Ok(found.ok_or(ApiError::NotFound("user"))?.person.id)
    };
    Reply::cached(app, account, "", load).await?.value()
}

/// Guests have longer ones than people may choose. Other text is no key for a cache.
fn may_be_username(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
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
