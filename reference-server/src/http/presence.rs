//! Who is online.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Always, BadPage, Missing};
use super::extract::{Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use crate::app::App;
use crate::domain::{Page, Person, UserId};
use crate::socket;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(online)).routes(routes!(presence))
}

/// Accounts that have a socket now, the youngest account first.
#[utoipa::path(get, path = "/api/users/online", tag = "presence", params(PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Person>), BadPage, Always))]
pub async fn online(
    State(app): State<Arc<App>>,
    _: Caller,
    Paged(page): Paged<50>,
    fields: Fields<Person>,
) -> Result<Response, ApiError> {
    let Page { items, next_cursor } = socket::online(&app, page).await;
    fields.answer(&Page { items: app.store.people(items).await?, next_cursor })
}

/// Whether somebody is there.
#[derive(Serialize, ToSchema)]
pub struct Presence {
    /// Whether the account has a socket now.
    online: bool,
}

/// Whether an account has a socket now. Accounts that do not exist have none.
#[utoipa::path(get, path = "/api/users/{user}/presence", tag = "presence",
    params(("user" = UserId, Path, description = "The account")),
    responses((status = 200, body = Presence), Missing, Always))]
pub async fn presence(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(user): Path<String>,
) -> Result<Json<Presence>, ApiError> {
    let online = socket::who_is_online(&app, &[identifier(&user, "user")?]).await;
    Ok(Json(Presence { online: !online.is_empty() }))
}
