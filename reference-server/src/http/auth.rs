//! Getting an account, and a session for it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Anybody, BadBody};
use super::extract::Body;
use super::problem::Problem;
use super::session::{self, Keep, Opened, Session};
use super::stale;
use crate::app::App;
use crate::domain::{NewAccount, Person, Role, Timestamp, UserId, Validator, limit};
use crate::jobs::{Email, Task};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(login)).routes(routes!(guest))
}

/// What an account may be when nobody has looked at it.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChosenRole {
    /// Asks for help.
    #[default]
    Citizen,
    /// Gives it.
    Lawyer,
}

impl From<ChosenRole> for Role {
    fn from(chosen: ChosenRole) -> Self {
        match chosen {
            ChosenRole::Citizen => Self::Citizen,
            ChosenRole::Lawyer => Self::Lawyer,
        }
    }
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    #[schema(min_length = 3, max_length = 30, pattern = "^[A-Za-z0-9_.-]+$")]
    username: String,
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    #[schema(min_length = 8, max_length = 128)]
    password: String,
    /// For display; the username when it is absent.
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    #[serde(default)]
    role: ChosenRole,
    #[serde(default)]
    session: Keep,
}

/// Make an account and begin a session
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "auth",
    security(()),
    request_body = Register,
    responses(
        (status = 201, description = "The account and its session", body = Session),
        BadBody,
        Anybody,
        (status = 409, description = "`conflict`: the name or the address is in use",
            body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn register(
    State(app): State<Arc<App>>,
    Body(Register { username, email, password, name, role, session }): Body<Register>,
) -> Result<(StatusCode, Opened), ApiError> {
    let name = name.unwrap_or_else(|| username.clone());
    Validator::default().username(&username).email(&email).password(&password).name(&name).finish()?;
    session.check(&app)?;
    if app.store.find_account(&username).await?.is_some() {
        return Err(ApiError::Taken("username"));
    }
    let password_hash = Some(app.passwords.hash(password).await?);
    let person = Person { id: UserId::new(), username: username.into(), name: name.into() };
    let welcome = welcome(&person, &email);
    let account = account(person, role.into(), Some(email), password_hash);
    let created = create(&app, account, session).await?;
    app.jobs.submit(welcome).await;
    Ok(created)
}

fn welcome(person: &Person, email: &str) -> Task {
    let text = format!("Welcome, {}! Your username is {}.", person.name, person.username);
    Task::Email(Email { to: email.to_owned(), subject: "Welcome".into(), text })
}

/// Somebody who will not come back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    #[schema(min_length = 1, max_length = 50)]
    name: String,
    #[serde(default)]
    session: Keep,
}

/// Make an account without a password and begin its only session
#[utoipa::path(
    post,
    path = "/api/auth/guest",
    tag = "auth",
    security(()),
    request_body = Guest,
    responses(
        (status = 201, description = "The account and its session", body = Session),
        BadBody,
        Anybody,
    )
)]
pub async fn guest(
    State(app): State<Arc<App>>,
    Body(Guest { name, session }): Body<Guest>,
) -> Result<(StatusCode, Opened), ApiError> {
    Validator::default().name(&name).finish()?;
    session.check(&app)?;
    let id = UserId::new();
    let person = Person { id, username: guest_username(id), name: name.into() };
    create(&app, account(person, Role::Citizen, None, None), session).await
}

fn account(person: Person, role: Role, email: Option<String>, password_hash: Option<String>) -> NewAccount {
    NewAccount { person, role, active: true, email, password_hash, created_at: Timestamp::now() }
}

async fn create(app: &App, account: NewAccount, keep: Keep) -> Result<(StatusCode, Opened), ApiError> {
    let (person, role) = (account.person.clone(), account.role);
    app.store.create_account(account).await?;
    stale::accounts(app, role).await;
    Ok((StatusCode::CREATED, session::open(app, person, role, keep).await?))
}

/// Longer than a chosen username may be, so that nobody can take it first.
fn guest_username(id: UserId) -> std::sync::Arc<str> {
    format!("guest-{id}").into()
}

/// Who says to be whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    username: String,
    password: String,
    #[serde(default)]
    session: Keep,
}

/// Begin a session of an account
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    security(()),
    request_body = Login,
    responses(
        (status = 200, description = "The session", body = Session),
        BadBody,
        Anybody,
        (status = 401, description = "`bad_credentials`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`account_inactive`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn login(
    State(app): State<Arc<App>>,
    Body(Login { username, password, session }): Body<Login>,
) -> Result<Opened, ApiError> {
    session.check(&app)?;
    if password.chars().count() > *limit::PASSWORD.end() {
        return Err(ApiError::BadCredentials);
    }
    let account = app.store.find_account(&username).await?;
    let stored = account.as_ref().and_then(|account| account.password_hash.clone());
    let matches = app.passwords.verify(password, stored).await?;
    match account {
        Some(account) if matches && account.active => {
            session::open(&app, account.person, account.role, session).await
        }
        Some(_) if matches => Err(ApiError::Inactive),
        _ => Err(ApiError::BadCredentials),
    }
}
