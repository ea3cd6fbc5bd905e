//! Queries: a citizen asks, a lawyer takes the query and answers it, the citizen closes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::case_view::CaseView;
use super::cases::{self, Outcome, QueryFilter};
use super::member::{Citizen, Lawyer, Member};
use crate::app::App;
use crate::domain::{CaseId, CaseKind, Matter, Page, PracticeArea};
use crate::http::ApiError;
use crate::http::document::{Always, BadBody, BadFields, BadPage, Conflict, Missing, NotAllowed};
use crate::http::extract::{Body, PageQuery, Paged, Params, Path};
use crate::http::fields::{Fields, FieldsQuery};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(find))
        .routes(routes!(claim))
        .routes(routes!(answer))
        .routes(routes!(close))
}

/// A question to all lawyers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQuery {
    #[schema(min_length = 1, max_length = 120)]
    title: String,
    #[schema(min_length = 1, max_length = 5_000)]
    description: String,
    category: PracticeArea,
}

/// Asks a question.
#[utoipa::path(post, path = "/api/queries", tag = "queries", request_body = NewQuery,
    responses((status = 201, body = CaseView), BadBody, NotAllowed, Always))]
pub async fn create(
    State(app): State<Arc<App>>,
    Citizen(person): Citizen,
    Body(NewQuery { title, description, category }): Body<NewQuery>,
) -> Result<(StatusCode, Json<CaseView>), ApiError> {
    let query = cases::open(&app, person, (title, description), Matter::Query { category }).await?;
    Ok((StatusCode::CREATED, Json(query)))
}

/// The own queries; for lawyers that ask for open ones, those of all.
#[utoipa::path(get, path = "/api/queries", tag = "queries", params(PageQuery, FieldsQuery, QueryFilter),
    responses((status = 200, body = Page<CaseView>), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    member: Member,
    Params(QueryFilter { status, category }): Params<QueryFilter>,
    Paged(page): Paged<20>,
    fields: Fields<CaseView>,
) -> Result<Response, ApiError> {
    let page = cases::list(&app, &member, CaseKind::Query, (status, category), page).await?;
    fields.answer(&page)
}

/// One query: for its citizen, its lawyer, administrators, and all lawyers while it is open.
#[utoipa::path(get, path = "/api/queries/{id}", tag = "queries", params(("id" = CaseId, Path), FieldsQuery),
    responses((status = 200, body = CaseView), BadFields, Missing, Always))]
pub async fn find(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields<CaseView>,
) -> Result<Response, ApiError> {
    let case = cases::visible(&app, &member, cases::named(CaseKind::Query, &id)?).await?;
    fields.answer(&CaseView::from(case))
}

/// Takes an open query. Of several lawyers, one gets it.
#[utoipa::path(post, path = "/api/queries/{id}/claim", tag = "queries", params(("id" = CaseId, Path)),
    responses((status = 200, body = CaseView), NotAllowed, Missing, Conflict, Always))]
pub async fn claim(
    State(app): State<Arc<App>>,
    Lawyer(person): Lawyer,
    Path(id): Path<String>,
) -> Result<Json<CaseView>, ApiError> {
    cases::take(&app, &person, cases::named(CaseKind::Query, &id)?).await
}

/// Answers a query that the lawyer has taken.
#[utoipa::path(post, path = "/api/queries/{id}/answer", tag = "queries", params(("id" = CaseId, Path)),
    request_body = Outcome,
    responses((status = 200, body = CaseView), BadBody, NotAllowed, Missing, Conflict, Always))]
pub async fn answer(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Body(outcome): Body<Outcome>,
) -> Result<Json<CaseView>, ApiError> {
    cases::conclude(&app, &member, cases::named(CaseKind::Query, &id)?, outcome).await
}

/// Ends a query that has its answer.
#[utoipa::path(post, path = "/api/queries/{id}/close", tag = "queries", params(("id" = CaseId, Path)),
    responses((status = 200, body = CaseView), NotAllowed, Missing, Conflict, Always))]
pub async fn close(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Json<CaseView>, ApiError> {
    cases::close(&app, &member, cases::named(CaseKind::Query, &id)?).await
}
