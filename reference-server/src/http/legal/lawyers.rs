//! The list of lawyers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::member;
use crate::app::App;
use crate::cache::Entity;
use crate::domain::{Lawyer, LawyerChange, Page, PageRequest, PracticeArea, Validator, limit};
use crate::http::ApiError;
use crate::http::document::{Always, BadBody, BadPage, Missing, NotAllowed};
use crate::http::extract::{Body, Caller, PageQuery, Paged, Params};
use crate::http::fields::{Fields, FieldsQuery};
use crate::http::reply::{self, Reply};
use crate::http::stale;

/// Lawyers on a page.
const PAGE: usize = 20;

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
    Paged(page): Paged<PAGE>,
    fields: Fields<Lawyer>,
) -> Result<Reply, ApiError> {
    directory(&app, specialization, page).await?.with_fields(&fields)
}

/// The page that is asked for most.
pub async fn first_lawyers(app: &App) -> Result<Reply, ApiError> {
    directory(app, None, PageRequest { after: None, limit: PAGE }).await
}

/// One page of the list, which is the same for all who see it.
async fn directory(
    app: &App,
    specialization: Option<PracticeArea>,
    page: PageRequest,
) -> Result<Reply, ApiError> {
    let area = specialization.map_or("all", PracticeArea::as_str);
    let load = async { Ok(app.store.lawyers(specialization, page).await?) };
    Reply::cached(app, Entity::Lawyers, &format!("{area}:{}", reply::page_key(&page)), load).await
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
    let changed = app.store.change_lawyer(person.id, change).await?;
    stale::lawyers(&app).await;
    Ok(Json(changed))
}
