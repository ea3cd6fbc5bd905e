//! Sessions: what a login answers with, the next token without a password, and the end.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::caller::{Admin, Identified, require_csrf};
use super::cookies::{SessionCookieJar, SessionSecrets};
use super::document::{Always, Anybody, BadBody, Missing, NotAllowed};
use super::extract::{Body, Path, identifier};
use super::problem::Problem;
use crate::app::App;
use crate::domain::{NewSession, Person, Role, Rotated, Rotation, SessionId, Timestamp, UserId, Validator};
use crate::security::{BadToken, Identity, RefreshToken};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(refresh)).routes(routes!(logout)).routes(routes!(end_all))
}

/// Where the client keeps its tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// It gets them in the body and sends them itself.
    #[default]
    Token,
    /// In cookies that scripts cannot read.
    Cookie,
}

impl Keep {
    /// Fails when this server sets no cookies.
    pub fn check(self, app: &App) -> Result<(), ApiError> {
        let is_possible = self == Self::Token || SessionCookieJar::of(app.config.security.cookies).is_some();
        let message = || "this server keeps no sessions in cookies".into();
        Ok(Validator::default().check(is_possible, "session", "off", message).finish()?)
    }
}

/// Whose session it is, and its tokens, unless cookies hold them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    user: Person,
    role: Role,
    /// The access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Good for one use.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What unsafe requests with cookies repeat in `X-CSRF-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// Seconds that the access token lives.
    expires_in: u64,
}

/// A session with the cookies to set.
pub struct Opened {
    session: Session,
    cookies: Vec<HeaderValue>,
}

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        let mut response = Json(self.session).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        with_cookies(response, self.cookies)
    }
}

fn with_cookies(mut response: Response, cookies: Vec<HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Begins a session.
pub async fn open(app: &App, person: Person, role: Role, keep: Keep) -> Result<Opened, ApiError> {
    let token = RefreshToken::of(SessionId::new());
    let expires_at = Timestamp::now().after(app.config.security.refresh_ttl);
    let session = NewSession { id: token.session(), user: person.id, token: token.hash(), expires_at };
    app.store.open_session(session).await?;
    answer(app, person, role, &token, keep)
}

fn answer(
    app: &App,
    person: Person,
    role: Role,
    refresh: &RefreshToken,
    keep: Keep,
) -> Result<Opened, ApiError> {
    let identity = Identity { person, role, session: refresh.session() };
    let (token, refresh_token) = (app.tokens.issue(&identity)?, refresh.text());
    let (user, ttl) = (identity.person, app.tokens.ttl());
    let expires_in = ttl.as_secs();
    let jar = SessionCookieJar::of(app.config.security.cookies).filter(|_| keep == Keep::Cookie);
    let Some(jar) = jar else {
        let (token, refresh_token) = (Some(token), Some(refresh_token));
        let session = Session { user, role, token, refresh_token, csrf_token: None, expires_in };
        return Ok(Opened { session, cookies: Vec::new() });
    };
    let csrf = app.tokens.csrf.of(identity.session);
    let (access, refresh) =
        ((token.as_str(), ttl), (refresh_token.as_str(), app.config.security.refresh_ttl));
    let cookies = jar.set(&SessionSecrets { access, refresh, csrf: &csrf });
    let session =
        Session { user, role, token: None, refresh_token: None, csrf_token: Some(csrf), expires_in };
    Ok(Opened { session, cookies })
}

/// A refresh token; absent when a cookie holds it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Refresh {
    refresh_token: Option<String>,
    #[serde(default)]
    session: Keep,
}

/// Exchange a refresh token for the next access token and the next refresh token
#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    tag = "auth",
    security(()),
    request_body = Refresh,
    responses(
        (status = 200, description = "The session goes on", body = Session),
        BadBody,
        Anybody,
        (status = 401, description = "`bad_token`; `replayed_token`: the session has been ended",
            body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`csrf`, `account_inactive`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn refresh(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(Refresh { refresh_token, session }): Body<Refresh>,
) -> Result<Opened, ApiError> {
    let (used, keep) = match refresh_token {
        Some(text) => (RefreshToken::parse(&text)?, session),
        None => (from_cookie(&app, &headers)?.ok_or(BadToken)?, Keep::Cookie),
    };
    keep.check(&app)?;
    let (next, now) = (RefreshToken::of(used.session()), Timestamp::now());
    let rotation = Rotation {
        session: used.session(),
        used: used.hash(),
        next: next.hash(),
        now,
        expires_at: now.after(app.config.security.refresh_ttl),
    };
    match app.store.rotate_session(rotation).await? {
        Rotated::Renewed(account) if account.active => {
            answer(&app, account.person, account.role, &next, keep)
        }
        Rotated::Renewed(account) => {
            app.store.close_sessions(account.person.id).await?;
            Err(ApiError::Inactive)
        }
        Rotated::Replayed => {
            tracing::warn!(session = %used.session(), "a refresh token was used twice: the session was ended");
            Err(ApiError::ReplayedToken)
        }
        Rotated::Unknown => Err(BadToken.into()),
    }
}

/// The refresh token of the cookie, of a request that repeats the session's CSRF value.
fn from_cookie(app: &App, headers: &HeaderMap) -> Result<Option<RefreshToken>, ApiError> {
    let jar = SessionCookieJar::of(app.config.security.cookies);
    let Some(text) = jar.and_then(|jar| jar.refresh(headers)) else { return Ok(None) };
    let token = RefreshToken::parse(text)?;
    require_csrf(app, headers, token.session())?;
    Ok(Some(token))
}

/// What ends: the session of this refresh token, or of the access token, or of the cookie.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Logout {
    refresh_token: Option<String>,
}

/// End a session; its access token lives on until it expires
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "auth",
    request_body = Logout,
    responses(
        (status = 204, description = "There is no such session any more"),
        BadBody,
        Always,
    )
)]
pub async fn logout(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    identified: Result<Identified, ApiError>,
    Body(Logout { refresh_token }): Body<Logout>,
) -> Result<Response, ApiError> {
    let session = match refresh_token {
        Some(text) => RefreshToken::parse(&text)?.session(),
        None if headers.contains_key(header::AUTHORIZATION) => identified?.0.session,
        None => from_cookie(&app, &headers)?.ok_or(BadToken)?.session(),
    };
    app.store.close_session(session).await?;
    let jar = SessionCookieJar::of(app.config.security.cookies);
    let cookies = jar.map(|jar| jar.clear()).unwrap_or_default();
    Ok(with_cookies(StatusCode::NO_CONTENT.into_response(), cookies))
}

/// End all sessions of an account; its access tokens live on until they expire
#[utoipa::path(
    delete,
    path = "/api/admin/users/{user}/sessions",
    tag = "admin",
    params(("user" = UserId, Path, description = "The account")),
    responses(
        (status = 204, description = "The account has no sessions any more"),
        NotAllowed,
        Missing,
        Always,
    )
)]
pub async fn end_all(
    State(app): State<Arc<App>>,
    Admin(administrator): Admin,
    Path(user): Path<String>,
) -> Result<StatusCode, ApiError> {
    let user = identifier(&user, "user")?;
    app.store.close_sessions(user).await?;
    tracing::info!(%user, administrator = %administrator.id, "all sessions of an account were ended");
    Ok(StatusCode::NO_CONTENT)
}
