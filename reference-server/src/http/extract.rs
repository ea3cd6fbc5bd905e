//! From requests to typed values, with the API's own errors.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{self, FromRequest, FromRequestParts, Query, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::ApiError;
use crate::app::App;
use crate::domain::{Cursor, PageRequest, Person, Validator};
use crate::security::BadToken;

/// Items on the largest page.
const LARGEST_PAGE: usize = 100;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        match Json::from_request(request, app).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(explain(&rejection)),
        }
    }
}

fn explain(rejection: &JsonRejection) -> ApiError {
    let cause =
        std::error::Error::source(rejection).map_or_else(|| rejection.body_text(), ToString::to_string);
    match rejection {
        JsonRejection::JsonDataError(_) => ApiError::WrongShape(cause),
        JsonRejection::JsonSyntaxError(_) => ApiError::MalformedJson(cause),
        JsonRejection::MissingJsonContentType(_) => ApiError::NotJson,
        other if other.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::MalformedJson(cause),
    }
}

/// The person that the bearer token was issued for.
pub struct Caller(pub Person);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(BadToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(BadToken.into());
        }
        Ok(Self(app.tokens.check(token.trim())?))
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
