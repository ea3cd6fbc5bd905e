//! Getting an account, and a token for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use super::ApiError;
use super::extract::Body;
use crate::app::App;
use crate::domain::{NewAccount, Person, Role, Timestamp, UserId, Validator, limit};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .route("/api/auth/register", post(register))
        .route("/api/auth/login", post(login))
        .route("/api/auth/guest", post(guest))
}

/// A token, whose it is, and for how many seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    user: Person,
    token: String,
    expires_in: u64,
}

fn session(app: &App, user: Person) -> Result<Json<Session>, ApiError> {
    let token = app.tokens.issue(&user)?;
    Ok(Json(Session { user, token, expires_in: app.tokens.expires_in() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    username: String,
    email: String,
    password: String,
    name: Option<String>,
}

pub async fn register(
    State(app): State<Arc<App>>,
    Body(Register { username, email, password, name }): Body<Register>,
) -> Result<(StatusCode, Json<Session>), ApiError> {
    let name = name.unwrap_or_else(|| username.clone());
    Validator::default().username(&username).email(&email).password(&password).name(&name).finish()?;
    if app.store.find_account(&username).await?.is_some() {
        return Err(ApiError::Taken("username"));
    }
    let password_hash = Some(app.passwords.hash(password).await?);
    let person = Person { id: UserId::new(), username: username.into(), name: name.into() };
    create(&app, person, Some(email), password_hash).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    name: String,
}

pub async fn guest(
    State(app): State<Arc<App>>,
    Body(Guest { name }): Body<Guest>,
) -> Result<(StatusCode, Json<Session>), ApiError> {
    Validator::default().name(&name).finish()?;
    let id = UserId::new();
    create(&app, Person { id, username: guest_username(id), name: name.into() }, None, None).await
}

async fn create(
    app: &App,
    person: Person,
    email: Option<String>,
    password_hash: Option<String>,
) -> Result<(StatusCode, Json<Session>), ApiError> {
    let created_at = Timestamp::now();
    let (role, active) = (Role::default(), true);
    let account = NewAccount { person: person.clone(), role, active, email, password_hash, created_at };
    app.store.create_account(account).await?;
    Ok((StatusCode::CREATED, session(app, person)?))
}

/// Longer than a chosen username may be, so that nobody can take it first.
fn guest_username(id: UserId) -> Arc<str> {
    format!("guest-{id}").into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    username: String,
    password: String,
}

pub async fn login(
    State(app): State<Arc<App>>,
    Body(Login { username, password }): Body<Login>,
) -> Result<Json<Session>, ApiError> {
    if password.chars().count() > *limit::PASSWORD.end() {
        return Err(ApiError::BadCredentials);
    }
    let account = app.store.find_account(&username).await?;
    let stored = account.as_ref().and_then(|account| account.password_hash.clone());
    let matches = app.passwords.verify(password, stored).await?;
    match account {
        Some(account) if matches => session(&app, account.person),
        _ => Err(ApiError::BadCredentials),
    }
}
