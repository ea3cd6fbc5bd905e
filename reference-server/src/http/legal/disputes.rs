//! Disputes: a citizen quarrels with somebody, a lawyer mediates until it is resolved or the citizen closes it.

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
use super::cases::{self, DisputeFilter, Outcome};
use super::member::{Citizen, Lawyer, Member};
use crate::app::App;
use crate::domain::{CaseId, CaseKind, Matter, Page};
use crate::http::ApiError;
use crate::http::document::{Always, BadBody, BadFields, BadPage, Conflict, Missing, NotAllowed};
use crate::http::extract::{Body, PageQuery, Paged, Params, Path};
use crate::http::fields::{Fields, FieldsQuery};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(find))
        .routes(routes!(claim))
        .routes(routes!(resolve))
        .routes(routes!(close))
}

/// A quarrel in which a lawyer is to mediate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDispute {
    #[schema(min_length = 1, max_length = 120)]
    title: String,
    #[schema(min_length = 1, max_length = 5_000)]
    description: String,
    /// With whom.
    #[schema(min_length = 1, max_length = 200)]
    respondent: String,
}

/// Brings a dispute.
#[utoipa::path(post, path = "/api/disputes", tag = "disputes", request_body = NewDispute,
    responses((status = 201, body = CaseView), BadBody, NotAllowed, Always))]
pub async fn create(
    State(app): State<Arc<App>>,
    Citizen(person): Citizen,
    Body(NewDispute { title, description, respondent }): Body<NewDispute>,
) -> Result<(StatusCode, Json<CaseView>), ApiError> {
    let dispute = cases::open(&app, person, (title, description), Matter::Dispute { respondent }).await?;
    Ok((StatusCode::CREATED, Json(dispute)))
}

/// The own disputes; for lawyers that ask for open ones, those of all.
#[utoipa::path(get, path = "/api/disputes", tag = "disputes", params(PageQuery, FieldsQuery, DisputeFilter),
    responses((status = 200, body = Page<CaseView>), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    member: Member,
    Params(DisputeFilter { status }): Params<DisputeFilter>,
    Paged(page): Paged<20>,
    fields: Fields<CaseView>,
) -> Result<Response, ApiError> {
    let page = cases::list(&app, &member, CaseKind::Dispute, (status, None), page).await?;
    fields.answer(&page)
}

/// One dispute: for its citizen, its lawyer, administrators, and all lawyers while it is open.
#[utoipa::path(get, path = "/api/disputes/{id}", tag = "disputes", params(("id" = CaseId, Path), FieldsQuery),
    responses((status = 200, body = CaseView), BadFields, Missing, Always))]
pub async fn find(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields<CaseView>,
) -> Result<Response, ApiError> {
    let case = cases::visible(&app, &member, cases::named(CaseKind::Dispute, &id)?).await?;
    fields.answer(&CaseView::from(case))
}

/// Takes an open dispute. Of several lawyers, one gets it.
#[utoipa::path(post, path = "/api/disputes/{id}/claim", tag = "disputes", params(("id" = CaseId, Path)),
    responses((status = 200, body = CaseView), NotAllowed, Missing, Conflict, Always))]
pub async fn claim(
    State(app): State<Arc<App>>,
    Lawyer(person): Lawyer,
    Path(id): Path<String>,
) -> Result<Json<CaseView>, ApiError> {
    cases::take(&app, &person, cases::named(CaseKind::Dispute, &id)?).await
}

/// Resolves a dispute in which the lawyer mediates.
#[utoipa::path(post, path = "/api/disputes/{id}/resolve", tag = "disputes", params(("id" = CaseId, Path)),
    request_body = Outcome,
    responses((status = 200, body = CaseView), BadBody, NotAllowed, Missing, Conflict, Always))]
pub async fn resolve(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Body(outcome): Body<Outcome>,
) -> Result<Json<CaseView>, ApiError> {
    cases::conclude(&app, &member, cases::named(CaseKind::Dispute, &id)?, outcome).await
}

/// Ends a dispute without a resolution.
#[utoipa::path(post, path = "/api/disputes/{id}/close", tag = "disputes", params(("id" = CaseId, Path)),
    responses((status = 200, body = CaseView), NotAllowed, Missing, Conflict, Always))]
pub async fn close(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Json<CaseView>, ApiError> {
    cases::close(&app, &member, cases::named(CaseKind::Dispute, &id)?).await
}
