//! What administrators do: accounts, and all cases.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::case_view::CaseView;
use super::cases::{self, DisputeFilter, QueryFilter};
use crate::app::App;
use crate::domain::{
    CaseFilter, CaseId, CaseKind, Page, Role, UserChange, UserFilter, UserId, UserRecord, Validator, Whose,
};
use crate::http::ApiError;
use crate::http::caller::Admin;
use crate::http::document::{Always, BadBody, BadPage, Conflict, Missing, NotAllowed};
use crate::http::extract::{Body, PageQuery, Paged, Params, Path, identifier};
use crate::http::fields::{Fields, FieldsQuery};
use crate::http::stale;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(users))
        .routes(routes!(change_user))
        .routes(routes!(queries))
        .routes(routes!(disputes))
        .routes(routes!(assign))
}

/// What an administrator wants to see of the list of accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only those of this role.
    role: Option<Role>,
    /// Only those that may log in, or only the others.
    active: Option<bool>,
}

/// All accounts.
#[utoipa::path(get, path = "/api/admin/users", tag = "admin", params(PageQuery, FieldsQuery, Filter),
    responses((status = 200, body = Page<UserRecord>), BadPage, NotAllowed, Always))]
pub async fn users(
    State(app): State<Arc<App>>,
    _: Admin,
    Params(Filter { role, active }): Params<Filter>,
    Paged(page): Paged<50>,
    fields: Fields<UserRecord>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.users(UserFilter { role, active }, page).await?)
}

/// What an administrator changes; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    role: Option<Role>,
    /// Whether the account may log in.
    active: Option<bool>,
}

/// Changes an account, but not the administrator's own: nobody locks themselves out.
#[utoipa::path(patch, path = "/api/admin/users/{id}", tag = "admin", params(("id" = UserId, Path)),
    request_body = UserPatch,
    responses((status = 200, body = UserRecord), BadBody, NotAllowed, Missing, Always))]
pub async fn change_user(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Path(id): Path<String>,
    Body(UserPatch { role, active }): Body<UserPatch>,
) -> Result<Json<UserRecord>, ApiError> {
    let user: UserId = identifier(&id, "user")?;
    let message = || "you cannot change your own account here: ask another administrator".into();
    Validator::default().check(user != admin.id, "id", "self", message).finish()?;
    let changed = app.store.change_user(user, UserChange { role, active }).await?;
    stale::account(&app, user).await;
    if active == Some(false) {
        app.store.close_sessions(user).await?;
    }
    changed.map(Json).ok_or(ApiError::NotFound("user"))
}

/// The queries of all.
#[utoipa::path(get, path = "/api/admin/queries", tag = "admin", params(PageQuery, FieldsQuery, QueryFilter),
    responses((status = 200, body = Page<CaseView>), BadPage, NotAllowed, Always))]
pub async fn queries(
    State(app): State<Arc<App>>,
    _: Admin,
    Params(QueryFilter { status, category }): Params<QueryFilter>,
    Paged(page): Paged<20>,
    fields: Fields<CaseView>,
) -> Result<Response, ApiError> {
    let filter = CaseFilter { whose: Whose::Everybody, status, category };
    fields.answer(&app.store.cases(CaseKind::Query, filter, page).await?.map(CaseView::from))
}

/// The disputes of all.
#[utoipa::path(get, path = "/api/admin/disputes", tag = "admin", params(PageQuery, FieldsQuery, DisputeFilter),
    responses((status = 200, body = Page<CaseView>), BadPage, NotAllowed, Always))]
pub async fn disputes(
    State(app): State<Arc<App>>,
    _: Admin,
    Params(DisputeFilter { status }): Params<DisputeFilter>,
    Paged(page): Paged<20>,
    fields: Fields<CaseView>,
) -> Result<Response, ApiError> {
    let filter = CaseFilter { whose: Whose::Everybody, status, category: None };
    fields.answer(&app.store.cases(CaseKind::Dispute, filter, page).await?.map(CaseView::from))
}

/// Who is to take a query.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// An active lawyer.
    lawyer: UserId,
}

/// Gives an open query to a lawyer.
#[utoipa::path(post, path = "/api/admin/queries/{id}/assign", tag = "admin", params(("id" = CaseId, Path)),
    request_body = Assignment,
    responses((status = 200, body = CaseView), BadBody, NotAllowed, Missing, Conflict, Always))]
pub async fn assign(
    State(app): State<Arc<App>>,
    _: Admin,
    Path(id): Path<String>,
    Body(Assignment { lawyer }): Body<Assignment>,
) -> Result<Json<CaseView>, ApiError> {
    cases::assign(&app, lawyer, cases::named(CaseKind::Query, &id)?).await
}
