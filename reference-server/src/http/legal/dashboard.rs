//! The numbers that a member sees first.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::member::Member;
use crate::app::App;
use crate::cache::Entity;
use crate::domain::{Dashboard, Timestamp, Whose};
use crate::http::ApiError;
use crate::http::document::{Always, BadFields};
use crate::http::fields::{Fields, FieldsQuery};
use crate::http::reply::Reply;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(dashboard))
}

/// How many cases and consultations the member has, by status; administrators see those of all.
#[utoipa::path(get, path = "/api/dashboard", tag = "dashboard", params(FieldsQuery),
    responses((status = 200, body = Dashboard), BadFields, Always))]
pub async fn dashboard(
    State(app): State<Arc<App>>,
    member: Member,
    fields: Fields<Dashboard>,
) -> Result<Reply, ApiError> {
    let whose = member.own();
    let entity = match whose {
        Whose::Citizen(user) | Whose::Lawyer(user) => Entity::Dashboard(user),
        Whose::Everybody => Entity::Totals,
    };
    let load = async { Ok(app.store.dashboard(whose, Timestamp::now()).await?) };
    Reply::cached(&app, entity, member.role.as_str(), load).await?.with_fields(&fields)
}
