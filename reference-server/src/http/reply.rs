//! The answer of a route that may be cached.

use std::future::Future;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ApiError;
use super::fields::Fields;
use crate::app::App;
use crate::cache::{Entity, Found, Source};
use crate::domain::PageRequest;

const CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The part of a variation that says which page it is.
pub fn page_key(page: &PageRequest) -> String {
    let after = page.after.map_or_else(String::new, |cursor| cursor.encode());
    format!("{}:{after}", page.limit)
}

/// A JSON body from the cache or the store.
pub struct Reply(Found);

impl Reply {
    /// One variation of an entity. What is loaded must depend on the entity and the variation only: whoever may
    /// see one body may see all that were loaded under the same two.
    pub async fn cached<T: Serialize>(
        app: &App,
        entity: Entity,
        variation: &str,
        load: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Self, ApiError> {
        let load = async { serialized(&load.await?) };
        app.cache.get_or_load(&entity, variation, load).await.map(Self)
    }

    /// What the body says.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        Ok(serde_json::from_slice(&self.0.body)?)
    }

    /// The same with the wanted fields: the cache has all of them.
    pub fn with_fields<T>(self, fields: &Fields<T>) -> Result<Self, ApiError> {
        let Self(Found { body, source }) = self;
        Ok(Self(Found { body: fields.select(body)?, source }))
    }
}

fn serialized(value: &impl Serialize) -> Result<Bytes, ApiError> {
    Ok(serde_json::to_vec(value)?.into())
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let Self(Found { body, source }) = self;
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let told = match source {
            Source::Local | Source::Shared => Some("HIT"),
            Source::Loaded => Some("MISS"),
            Source::Uncached => None,
        };
        headers.extend(told.map(|told| (CACHE, HeaderValue::from_static(told))));
        response
    }
}
