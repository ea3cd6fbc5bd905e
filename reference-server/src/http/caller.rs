//! Who sends a request: the bearer of a token, or a page whose browser keeps one in a cookie.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::ApiError;
use super::cookies::SessionCookieJar;
use crate::app::App;
use crate::domain::{Person, Role, SessionId};
use crate::security::{BadToken, Identity};
use crate::server::ClientAddress;

const CSRF_HEADER: &str = "x-csrf-token";

/// Everything that the access token says.
pub struct Identified(pub Identity);

/// The person that the access token was issued for.
pub struct Caller(pub Person);

/// An administrator, on this machine unless the settings allow others. The role is the account's now, not that of
/// the token: whoever has lost it has lost it at once.
pub struct Admin(pub Person);

impl FromRequestParts<Arc<App>> for Identified {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if let Some(token) = bearer(&parts.headers)? {
            return Ok(Self(app.tokens.check(token)?));
        }
        let jar = SessionCookieJar::of(app.config.security.cookies).ok_or(BadToken)?;
        let identity = app.tokens.check(jar.access(&parts.headers).ok_or(BadToken)?)?;
        if !parts.method.is_safe() {
            require_csrf(app, &parts.headers, identity.session)?;
        }
        Ok(Self(identity))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Identified(identity) = Identified::from_request_parts(parts, app).await?;
        Ok(Self(identity.person))
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let client = parts.extensions.get::<ClientAddress>();
        if !app.config.security.remote_admin && !client.is_some_and(ClientAddress::is_this_machine) {
            return Err(ApiError::Restricted(
                "administration is possible from the server's own machine only",
            ));
        }
        let Identified(identity) = Identified::from_request_parts(parts, app).await?;
        let account = app.store.user(identity.person.id).await?;
        match account {
            Some(account) if account.active && account.role == Role::Admin => Ok(Self(identity.person)),
            _ => Err(ApiError::Restricted("only administrators may do this")),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, BadToken> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) = header.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(BadToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(BadToken) }
}

/// Fails unless the request repeats the value that only pages of the session can read.
pub fn require_csrf(app: &App, headers: &HeaderMap, session: SessionId) -> Result<(), ApiError> {
    let sent = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    match sent {
        Some(value) if app.tokens.csrf.is_of(session, value) => Ok(()),
        _ => Err(ApiError::Csrf),
    }
}
