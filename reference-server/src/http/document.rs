//! What the OpenAPI document says of many routes, written once, and where it is served.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr};
use utoipa::{IntoResponses, Modify};

use super::Problem;
use crate::app::App;

/// Control characters but line breaks and tabs, as a part of a class of an ECMA-262 pattern.
const CONTROLS: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f";

/// The document that the routes are added to.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "scalectl reference server",
        description = "The application that scalectl is tried on. Errors are problem+json with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Credentials),
    security(("bearer" = []), ("cookie" = []))
)]
pub struct Document;

/// How a client says who it is.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let cookie = ApiKey::Cookie(ApiKeyValue::new("__Host-session"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// Serves the document of the routes.
pub fn route(mut document: OpenApi) -> Router<Arc<App>> {
    name_operations(&mut document);
    let document = Arc::new(document);
    Router::new().route("/openapi.json", get(async move || Json(Arc::clone(&document))))
}

/// Names each operation by its method and its path: functions of different areas may have the same name.
fn name_operations(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let path = path.trim_start_matches("/api/").replace(['{', '}'], "").replace(['/', '-'], "_");
        for (method, operation) in operations(item) {
            operation.operation_id = Some(format!("{method}_{path}"));
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let methods = [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Declares a set of problems that a route may answer with.
macro_rules! problems {
    ($($(#[$doc:meta])* $set:ident { $($status:literal: $when:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub enum $set {}

        impl IntoResponses for $set {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$((stringify!($status).to_owned(), problem($when))),+])
            }
        }
    )+};
}

problems! {
    /// Of every route for those who are logged in.
    Always {
        401: "`bad_token`: no valid access token",
        403: "`csrf`: a cookie without the session's CSRF token",
        408: "`timeout`: the request, its body included, took too long",
        429: "`rate_limited`: one too many in a while; `Retry-After` says when to come back",
        500: "`internal`: the log has the cause under the request id",
        503: "`over_capacity`: try again later",
    }
    /// Of every route for those who are not.
    Anybody {
        408: "`timeout`: the request, its body included, took too long",
        429: "`rate_limited`: one too many in a while; `Retry-After` says when to come back",
        500: "`internal`: the log has the cause under the request id",
        503: "`over_capacity`: try again later",
    }
    /// Of routes that read a body.
    BadBody {
        400: "`malformed_json`: the body is no JSON",
        413: "`body_too_large`",
        415: "`unsupported_media_type`: send `application/json`",
        422: "`validation_failed`: wrong shape, unknown field, or a field that breaks its rule",
    }
    /// Of routes that answer with a page.
    BadPage {
        400: "`bad_cursor`: the cursor is not from this server",
        422: "`validation_failed`: `limit` is out of range, or `fields` names an unknown field",
    }
    /// Of routes that answer with one record.
    BadFields {
        422: "`validation_failed`: `fields` names an unknown field",
    }
    /// Of routes that are about somebody else.
    Oneself {
        422: "`validation_failed`: this is the caller",
    }
    /// Of routes whose path names a record.
    Missing {
        404: "`not_found`: no such record, or none that this client may see",
    }
    /// Of routes that are for some accounts only.
    NotAllowed {
        403: "`forbidden`: not for this role, or not for this account",
    }
    /// Of routes that something else may be in the way of.
    Conflict {
        409: "`wrong_state`: the state does not allow this; `conflict`: the time is taken; `quota_reached`",
    }
    /// Of routes that change what may be somebody else's.
    Foreign {
        403: "`forbidden`: the record is somebody else's",
        404: "`not_found`: no such record",
    }
}

/// Text as `Validator::text` accepts it: not blank, no control characters but line breaks and tabs.
pub fn text<const LONGEST: usize>() -> Schema {
    let pattern = format!("^[^{CONTROLS}]*[^\\s{CONTROLS}][^{CONTROLS}]*$");
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    text.min_length(Some(1)).max_length(Some(LONGEST)).build().into()
}

/// [`text`], or `null`, which is the same as leaving it out.
pub fn optional_text<const LONGEST: usize>() -> Schema {
    or_null(text::<LONGEST>())
}

/// [`text_or_nothing`], or `null`, which is the same as leaving it out.
pub fn optional_text_or_nothing<const LONGEST: usize>() -> Schema {
    or_null(text_or_nothing::<LONGEST>())
}

fn or_null(mut text: Schema) -> Schema {
    if let Schema::Object(object) = &mut text {
        object.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    }
    text
}

/// The same, or an empty one.
pub fn text_or_nothing<const LONGEST: usize>() -> Schema {
    let pattern = format!("^([^{CONTROLS}]*[^\\s{CONTROLS}][^{CONTROLS}]*)?$");
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .max_length(Some(LONGEST))
        .build()
        .into()
}

fn problem(when: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(when).content("application/problem+json", content).build().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::super::api;

    fn document() -> Value {
        let mut document = api().into_openapi();
        super::name_operations(&mut document);
        serde_json::to_value(document).unwrap()
    }

    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.contains("#/components/schemas/Problem"));
        let lost: Vec<_> = found.iter().filter(|to| document.pointer(&to[1..]).is_none()).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document();
        let items = document["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert!(names.contains(&"get_posts_post_comments"), "{names:?}");
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{names:?}");
    }

    #[test]
    fn texts_are_bounded_and_not_blank() {
        let document = document();
        let text = &document["components"]["schemas"]["NewComment"]["properties"]["text"];
        assert_eq!((&text["minLength"], &text["maxLength"]), (&json!(1), &json!(1_000)));
        let pattern = text["pattern"].as_str().unwrap();
        assert!(pattern.starts_with(r"^[^\u0000-\u0008") && pattern.contains(r"[^\s\u0000"), "{pattern}");
    }

    #[test]
    fn a_route_names_its_problems_and_its_parameters() {
        let document = document();
        let route = &document["paths"]["/api/posts/{post}/comments"];
        let statuses: Vec<_> = route["post"]["responses"].as_object().unwrap().keys().collect();
        assert_eq!(
            statuses,
            ["201", "400", "401", "403", "404", "408", "413", "415", "422", "429", "500", "503"]
        );
        let not_found = &route["get"]["responses"]["404"]["content"];
        assert!(not_found["application/problem+json"].is_object(), "{not_found}");
        let names: Vec<_> =
            route["get"]["parameters"].as_array().unwrap().iter().map(|given| &given["name"]).collect();
        assert_eq!(names, ["post", "cursor", "limit", "fields"]);
    }
}
