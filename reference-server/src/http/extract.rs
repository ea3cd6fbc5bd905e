//! From requests to typed values, with the API's own errors.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{self, FromRequest, FromRequestParts, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::ApiError;
pub use super::caller::Caller;
use super::object::Object;
use crate::app::App;
use crate::domain::{Cursor, PageRequest, Validator};

/// Items on the largest page.
const LARGEST_PAGE: usize = 100;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::NotJson);
        }
        let bytes = Bytes::from_request(request, app).await.map_err(|rejection| unread(&rejection))?;
        Json::from_bytes(&bytes)
            .map(|Json(Object(body))| Self(body))
            .map_err(|rejection| explain(&rejection, &bytes))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json")
}

fn unread(rejection: &BytesRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::MalformedJson(rejection.body_text()),
    }
}

/// What is JSON has another shape than expected, though serde_json calls a number where a word should be an
/// error of syntax. What nests too deeply to be read is as good as none.
fn explain(rejection: &JsonRejection, body: &[u8]) -> ApiError {
    let cause =
        std::error::Error::source(rejection).map_or_else(|| rejection.body_text(), ToString::to_string);
    match rejection {
        JsonRejection::JsonDataError(_) => ApiError::WrongShape(cause),
        _ if serde_json::from_slice::<serde_json::Value>(body).is_ok() => ApiError::WrongShape(cause),
        _ => ApiError::MalformedJson(cause),
    }
}

/// `?cursor=` and `?limit=`, with the number of items on a page when no limit is given.
pub struct Paged<const DEFAULT: usize>(pub PageRequest);

/// `?cursor=` and `?limit=`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Items on the page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

impl<const DEFAULT: usize> FromRequestParts<Arc<App>> for Paged<DEFAULT> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let query = Query::<PageQuery>::from_request_parts(parts, app).await;
        let Query(PageQuery { cursor, limit }) =
            query.map_err(|rejection| ApiError::WrongShape(rejection.body_text()))?;
        let limit = limit.map_or(Some(DEFAULT), |text| text.parse().ok());
        let limit = limit.filter(|limit| (1..=LARGEST_PAGE).contains(limit));
        let message = || format!("must be a whole number from 1 to {LARGEST_PAGE}");
        Validator::default().check(limit.is_some(), "limit", "range", message).finish()?;
        let after = cursor.map(|text| Cursor::decode(&text)).transpose()?;
        Ok(Self(PageRequest { after, limit: limit.unwrap_or(DEFAULT) }))
    }
}

/// What a path names, as text.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Path<T> {
    type Rejection = ApiError;

    /// Fails when the path is no UTF-8, which nothing here is named by.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let path = extract::Path::<T>::from_request_parts(parts, app).await;
        path.map(|extract::Path(named)| Self(named)).map_err(|_| ApiError::NotFound("route"))
    }
}

/// Other parameters of a query.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        let Query(params) = query.map_err(|rejection| ApiError::WrongShape(rejection.body_text()))?;
        Ok(Self(params))
    }
}

/// An identifier in a path: what cannot be one is as unknown as one that nobody has.
pub fn identifier<T: FromStr>(text: &str, what: &'static str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(what))
}
