//! The list of lawyers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::member;
use crate::app::App;
use crate::domain::{Lawyer, LawyerChange, Page, PracticeArea, Validator, limit};
use crate::http::ApiError;
use crate::http::document::{Always, BadBody, BadPage, Missing, NotAllowed};
use crate::http::extract::{Body, Caller, PageQuery, Paged, Params};
use crate::http::fields::{Fields, FieldsQuery};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(change))
}

/// What somebody wants to see of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only those who work in this field of law.
    specialization: Option<PracticeArea>,
}

/// Active lawyers.
#[utoipa::path(get, path = "/api/lawyers", tag = "lawyers", params(PageQuery, FieldsQuery, Filter),
    responses((status = 200, body = Page<Lawyer>), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    _: Caller,
    Params(Filter { specialization }): Params<Filter>,
    Paged(page): Paged<20>,
    fields: Fields<Lawyer>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.lawyers(specialization, page).await?)
}

/// What a lawyer changes; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LawyerPatch {
    /// Replaces all fields of law.
    #[schema(max_items = 10)]
    specializations: Option<Vec<PracticeArea>>,
    #[schema(min_length = 1, max_length = 200)]
    headline: Option<String>,
}

/// Changes what a lawyer says about the own practice.
#[utoipa::path(patch, path = "/api/lawyers/me", tag = "lawyers", request_body = LawyerPatch,
    responses((status = 200, body = Lawyer), BadBody, NotAllowed, Missing, Always))]
pub async fn change(
    State(app): State<Arc<App>>,
    member::Lawyer(person): member::Lawyer,
    Body(LawyerPatch { specializations, headline }): Body<LawyerPatch>,
) -> Result<Json<Lawyer>, ApiError> {
    let mut rules = Validator::default();
    if let Some(headline) = &headline {
        rules.text("headline", headline, limit::HEADLINE);
    }
    let areas = specializations.as_ref().map_or(0, Vec::len);
    let most = PracticeArea::ALL.len();
    rules.check(areas <= most, "specializations", "length", || format!("names more than {most}"));
    rules.finish()?;
    let change = LawyerChange { specializations, headline };
    Ok(Json(app.store.change_lawyer(person.id, change).await?))
}
