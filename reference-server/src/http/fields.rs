//! Sparse fields: `?fields=id,text` keeps these top-level fields of a record, or of each item of a page. Which
//! fields a record has is read from its schema, so that an empty page knows them too.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Query};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::ApiError;
use crate::app::App;
use crate::domain::Validator;

/// `?fields=`, of an answer that is a `T` or a page of them.
pub struct Fields<T> {
    wanted: Option<BTreeSet<String>>,
    of: PhantomData<fn() -> T>,
}

/// `?fields=`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FieldsQuery {
    /// Top-level fields of the record, or of each item, separated by commas: only these are answered.
    fields: Option<String>,
}

impl<T: ToSchema> FromRequestParts<Arc<App>> for Fields<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let query = Query::<FieldsQuery>::from_request_parts(parts, app).await;
        let Query(FieldsQuery { fields }) =
            query.map_err(|rejection| ApiError::WrongShape(rejection.body_text()))?;
        let wanted = fields.map(|names| parse::<T>(&names)).transpose()?;
        Ok(Self { wanted, of: PhantomData })
    }
}

fn parse<T: ToSchema>(names: &str) -> Result<BTreeSet<String>, ApiError> {
    let (known, wanted) = (known_fields::<T>(), names.split(',').map(str::to_owned).collect::<BTreeSet<_>>());
    let message = || format!("may name {}", known.iter().cloned().collect::<Vec<_>>().join(", "));
    Validator::default().check(wanted.is_subset(&known), "fields", "unknown", message).finish()?;
    Ok(wanted)
}

impl<T> Fields<T> {
    /// The answer, with the wanted fields.
    pub fn answer(&self, body: &impl Serialize) -> Result<Response, ApiError> {
        let body = self.select(serde_json::to_vec(body)?.into())?;
        Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
    }

    /// The wanted fields of a body that is a record, or that has an array of them as its `items`.
    pub fn select(&self, body: Bytes) -> Result<Bytes, ApiError> {
        let Some(wanted) = &self.wanted else { return Ok(body) };
        let mut value = serde_json::from_slice(&body)?;
        match &mut value {
            Value::Object(page) if page.get("items").is_some_and(Value::is_array) => {
                let items = page.get_mut("items").and_then(Value::as_array_mut);
                items.into_iter().flatten().for_each(|item| keep(item, wanted));
            }
            record => keep(record, wanted),
        }
        Ok(serde_json::to_vec(&value)?.into())
    }
}

fn keep(record: &mut Value, wanted: &BTreeSet<String>) {
    if let Value::Object(fields) = record {
        fields.retain(|name, _| wanted.contains(name));
    }
}

fn known_fields<T: ToSchema>() -> BTreeSet<String> {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut names = BTreeSet::new();
    collect(&T::schema(), &parts.into_iter().collect(), &mut names);
    names
}

/// A flattened field is a part of its own.
fn collect(schema: &RefOr<Schema>, parts: &BTreeMap<String, RefOr<Schema>>, names: &mut BTreeSet<String>) {
    match schema {
        RefOr::Ref(part) => {
            let name = part.ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(part) = parts.get(name) {
                collect(part, parts, names);
            }
        }
        RefOr::T(Schema::Object(object)) => names.extend(object.properties.keys().cloned()),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().for_each(|part| collect(part, parts, names)),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().for_each(|part| collect(part, parts, names)),
        RefOr::T(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Comment, Conversation, Message, Notification, Person, Post, Profile, Suggestion};

    fn known<T: ToSchema>() -> String {
        known_fields::<T>().into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn records_know_their_fields() {
        assert_eq!(known::<Person>(), "id name username");
        assert_eq!(
            known::<Profile>(),
            "active avatar bio createdAt followers following id name role username"
        );
        assert_eq!(known::<Suggestion>(), "common followers id name username");
        assert_eq!(known::<Post>(), "author comments createdAt game id kind likes text");
        assert_eq!(known::<Comment>(), "author createdAt id postId text");
        assert_eq!(known::<Notification>(), "actor createdAt id kind read subject");
        assert_eq!(known::<Conversation>(), "id lastMessage unread with");
        assert_eq!(known::<Message>(), "conversationId createdAt from id text to");
    }

    #[test]
    fn fields_are_kept_in_records_and_in_items() {
        let wanted = parse::<Person>("name,id").unwrap();
        let fields = Fields::<Person> { wanted: Some(wanted), of: PhantomData };
        let select = |body: &'static str| fields.select(Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(select(r#"{"id":1,"username":2,"name":3}"#), r#"{"id":1,"name":3}"#);
        assert_eq!(
            select(r#"{"items":[{"id":1,"username":2},{"name":3}],"nextCursor":"x","unread":1}"#),
            r#"{"items":[{"id":1},{"name":3}],"nextCursor":"x","unread":1}"#
        );
        assert!(parse::<Person>("id,password_hash").is_err());
        assert!(parse::<Person>("").is_err());
    }
}
