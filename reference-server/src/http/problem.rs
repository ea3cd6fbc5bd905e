//! Errors of the API. The message for the client and the one for the log are different things.

use std::any::Any;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{BadCursor, FieldError, WrongState};
use crate::rate::{Limited, whole_seconds};
use crate::security::{BadToken, PasswordError};
use crate::server::RequestId;
use crate::store::StoreError;

/// Seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// What a request is answered with when it cannot be done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// The body is no JSON.
    #[error("the body is not valid JSON: {0}")]
    MalformedJson(String),
    /// The body is JSON of another shape.
    #[error("the body does not have the expected shape: {0}")]
    WrongShape(String),
    /// Fields break their rules.
    #[error("not valid: {}", list(.0))]
    Invalid(Vec<FieldError>),
    /// See [`BadCursor`].
    #[error(transparent)]
    BadCursor(#[from] BadCursor),
    /// See [`BadToken`].
    #[error(transparent)]
    BadToken(#[from] BadToken),
    /// Unknown name or wrong password, without saying which.
    #[error("the username or the password is wrong")]
    BadCredentials,
    /// A refresh token that was used before.
    #[error("this refresh token was used before, so the session has been ended: log in again")]
    ReplayedToken,
    /// The account has been switched off.
    #[error("this account is not active: ask an administrator")]
    Inactive,
    /// Something that this account, or anybody from there, may not do.
    #[error("{0}")]
    Restricted(&'static str),
    /// A request with a cookie that may come from another site's page.
    #[error("repeat the session's CSRF token in the X-CSRF-Token header")]
    Csrf,
    /// See [`WrongState`].
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// The account has as many of these as it may.
    #[error("you have as many {0} as you may keep: remove one first")]
    Quota(&'static str),
    /// The body, or the file in it, is of no type that is taken.
    #[error("{0}")]
    UnsupportedMedia(&'static str),
    /// No such thing, or none that this client may see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The thing is another account's.
    #[error("this {0} is somebody else's: only its author may do this")]
    Forbidden(&'static str),
    /// The route exists with other methods.
    #[error("this route does not have this method: see the Allow header")]
    MethodNotAllowed,
    /// A unique value is in use.
    #[error("this {0} is in use: choose another")]
    Taken(&'static str),
    /// The body is over the limit.
    #[error("the body is larger than this server accepts")]
    TooLarge,
    /// The body says that it is something else than JSON.
    #[error("send the body as Content-Type: application/json")]
    NotJson,
    /// The request took too long.
    #[error("the request took longer than this server allows")]
    Timeout,
    /// See [`Limited`].
    #[error(transparent)]
    RateLimited(#[from] Limited),
    /// No place, or no core, is free.
    #[error("the server is at its limit: try again later")]
    OverCapacity,
    /// The store is out of reach. The detail is for the log.
    #[error("the store does not answer: try again later")]
    StoreAway(String),
    /// Anything that is the server's fault. The detail is for the log.
    #[error("something went wrong here: the request id leads to the log")]
    Internal(String),
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::MalformedJson(_) | Self::BadCursor(_) => StatusCode::BAD_REQUEST,
            Self::WrongShape(_) | Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadToken(_) | Self::BadCredentials | Self::ReplayedToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Inactive | Self::Restricted(_) | Self::Csrf => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Taken(_) | Self::WrongState(_) | Self::Quota(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson | Self::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::OverCapacity | Self::StoreAway(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn retry_after(&self) -> HeaderValue {
        match self {
            Self::RateLimited(Limited(wait)) => whole_seconds(wait).max(1).into(),
            _ => RETRY_AFTER,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MalformedJson(_) => "malformed_json",
            Self::WrongShape(_) | Self::Invalid(_) => "validation_failed",
            Self::BadCursor(_) => "bad_cursor",
            Self::BadToken(_) => "bad_token",
            Self::BadCredentials => "bad_credentials",
            Self::ReplayedToken => "replayed_token",
            Self::Inactive => "account_inactive",
            Self::Forbidden(_) | Self::Restricted(_) => "forbidden",
            Self::Csrf => "csrf",
            Self::WrongState(_) => "wrong_state",
            Self::Quota(_) => "quota_reached",
            Self::NotFound(_) => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Taken(_) => "conflict",
            Self::TooLarge => "body_too_large",
            Self::NotJson | Self::UnsupportedMedia(_) => "unsupported_media_type",
            Self::Timeout => "timeout",
            Self::RateLimited(_) => "rate_limited",
            Self::OverCapacity => "over_capacity",
            Self::StoreAway(_) => "store_unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

/// RFC 9457, with a stable code and the fields that were wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `about:blank`: the code says more.
    pub r#type: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The status.
    pub status: u16,
    /// For people.
    pub detail: String,
    /// Stable code.
    pub code: &'static str,
    /// Leads to the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The fields that were wrong, if fields were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) | Self::StoreAway(cause) = &self {
            let request_id = RequestId::current();
            tracing::error!(request_id = request_id.as_ref().map(RequestId::as_str), %cause, "request failed");
        }
        let (status, retry_after) = (self.status(), self.retry_after());
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
            code: self.code(),
            request_id: RequestId::current().map(|id| id.as_str().to_owned()),
            errors: if let Self::Invalid(errors) = self { errors } else { Vec::new() },
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, retry_after);
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(failure: StoreError) -> Self {
        match failure {
            StoreError::Taken(what) => Self::Taken(what),
            StoreError::Missing(what) => Self::NotFound(what),
            StoreError::Forbidden(what) => Self::Forbidden(what),
            other if other.is_away() => Self::StoreAway(other.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(failure: PasswordError) -> Self {
        match failure {
            PasswordError::Busy => Self::OverCapacity,
            PasswordError::Hash(cause) => Self::Internal(cause),
        }
    }
}

impl From<jsonwebtoken::errors::Error> for ApiError {
    fn from(failure: jsonwebtoken::errors::Error) -> Self {
        Self::Internal(failure.to_string())
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(failure: serde_json::Error) -> Self {
        Self::Internal(failure.to_string())
    }
}

impl From<Vec<FieldError>> for ApiError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

/// A handler that panicked is a bug; its client still gets an answer, and the others are unharmed.
#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
pub fn after_panic(cause: Box<dyn Any + Send + 'static>) -> Response {
    let told = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let told = told.or_else(|| cause.downcast_ref::<String>().cloned());
    ApiError::Internal(format!("panic: {}", told.unwrap_or_default())).into_response()
}
