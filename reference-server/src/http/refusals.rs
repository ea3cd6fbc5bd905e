//! The refusals that a kind of route may answer with, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::problem::Problem;

const CONTENT_TYPE: &str = "application/problem+json";

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = [$($status:literal $when:literal),+ $(,)?];)+) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$((stringify!($status).to_owned(), refusal($when))),+].into()
            }
        }
    )+};
}

fn refusal(when: &str) -> RefOr<Response> {
    let problem = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(problem)).build();
    ResponseBuilder::new().description(when).content(CONTENT_TYPE, content).build().into()
}

refusals! {
    /// Of a route that shows one thing.
    Read = [
        401 "no valid token",
        403 "not for this role",
        404 "there is none that the caller may see",
    ];
    /// Of a route that shows a page.
    List = [
        400 "the cursor was not given out by this server",
        401 "no valid token",
        403 "not for this role",
        422 "a parameter breaks its rule",
    ];
    /// Of a route that takes a JSON body.
    Write = [
        400 "the body is no JSON",
        401 "no valid token",
        403 "not for this role",
        413 "the body is too large",
        415 "the body does not say that it is JSON",
        422 "the body has the wrong shape, or a field breaks its rule",
    ];
    /// Of a route that moves something on.
    Act = [
        401 "no valid token",
        403 "not for this role, or not for this account",
        404 "there is none that the caller may see",
        409 "its state does not allow this, or something else is in the way",
    ];
}
