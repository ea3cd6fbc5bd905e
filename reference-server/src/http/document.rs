//! What the OpenAPI document says of many routes, written once.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::Problem;

/// The document that the routes are added to.
#[derive(OpenApi)]
#[openapi(
    components(schemas(Problem)),
    modifiers(&Credentials),
    security(("bearer" = []), ("cookie" = []))
)]
pub struct Document;

/// How a client says who it is.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let cookie = ApiKey::Cookie(ApiKeyValue::new("__Host-session"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
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
        500: "`internal`: the log has the cause under the request id",
        503: "`over_capacity`: try again later",
    }
    /// Of every route for those who are not.
    Anybody {
        408: "`timeout`: the request, its body included, took too long",
        500: "`internal`: the log has the cause under the request id",
        503: "`over_capacity`: try again later",
    }
    /// Of routes for administrators.
    Administration {
        403: "`forbidden`: not an administrator, or not on the server's own machine; `csrf`",
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
    /// Of routes that change what may be somebody else's.
    Foreign {
        403: "`forbidden`: the record is somebody else's",
        404: "`not_found`: no such record",
    }
}

fn problem(when: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(when).content("application/problem+json", content).build().into()
}
