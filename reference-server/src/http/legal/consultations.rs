//! Appointments: a citizen asks for one, the lawyer confirms or declines, either calls it off.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::member::{Citizen, Member};
use crate::app::App;
use crate::domain::{
    Consultation, ConsultationFilter, ConsultationId, ConsultationStatus, ConsultationStep, Page, Timestamp,
    UserId, Validator,
};
use crate::http::ApiError;
use crate::http::document::{Always, BadBody, BadFields, BadPage, Conflict, Missing, NotAllowed};
use crate::http::extract::{Body, Caller, PageQuery, Paged, Params, Path, identifier};
use crate::http::fields::{Fields, FieldsQuery};
use crate::http::stale;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(request, list))
        .routes(routes!(find))
        .routes(routes!(confirm))
        .routes(routes!(decline))
        .routes(routes!(cancel))
        .routes(routes!(complete))
}

/// When to meet whom.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewConsultation {
    /// An active lawyer.
    lawyer: UserId,
    /// Not in the past.
    starts_at: Timestamp,
    #[schema(minimum = 15, maximum = 180)]
    minutes: u16,
}

/// Asks a lawyer for an appointment, at a time that the lawyer has not promised to somebody else.
#[utoipa::path(post, path = "/api/consultations", tag = "consultations", request_body = NewConsultation,
    responses((status = 201, body = Consultation), BadBody, NotAllowed, Missing, Conflict, Always))]
pub async fn request(
    State(app): State<Arc<App>>,
    Citizen(citizen): Citizen,
    Body(NewConsultation { lawyer, starts_at, minutes }): Body<NewConsultation>,
) -> Result<(StatusCode, Json<Consultation>), ApiError> {
    let now = Timestamp::now();
    let mut rules = Validator::default();
    rules.check((15..=180).contains(&minutes), "minutes", "range", || "must be from 15 to 180".into());
    rules.check(starts_at >= now, "startsAt", "past", || "is in the past".into());
    rules.finish()?;
    let lawyer = app.store.lawyer(lawyer).await?.ok_or(ApiError::NotFound("lawyer"))?.person;
    let (id, status) = (ConsultationId::new(), ConsultationStatus::Requested);
    let wanted = Consultation { id, citizen, lawyer, starts_at, minutes, status, created_at: now };
    app.store.request_consultation(wanted.clone()).await?;
    stale::consultation(&app, &wanted).await;
    Ok((StatusCode::CREATED, Json(wanted)))
}

/// What somebody wants to see of a list of consultations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only those that have come this far.
    status: Option<ConsultationStatus>,
}

/// The own consultations, the latest request first.
#[utoipa::path(get, path = "/api/consultations", tag = "consultations", params(PageQuery, FieldsQuery, Filter),
    responses((status = 200, body = Page<Consultation>), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    member: Member,
    Params(Filter { status }): Params<Filter>,
    Paged(page): Paged<20>,
    fields: Fields<Consultation>,
) -> Result<Response, ApiError> {
    let filter = ConsultationFilter { whose: member.own(), status };
    fields.answer(&app.store.consultations(filter, page).await?)
}

/// One consultation, for the two that meet.
#[utoipa::path(get, path = "/api/consultations/{id}", tag = "consultations",
    params(("id" = ConsultationId, Path), FieldsQuery),
    responses((status = 200, body = Consultation), BadFields, Missing, Always))]
pub async fn find(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(id): Path<String>,
    fields: Fields<Consultation>,
) -> Result<Response, ApiError> {
    fields.answer(&visible(&app, person.id, identifier(&id, "consultation")?).await?)
}

async fn visible(app: &App, user: UserId, id: ConsultationId) -> Result<Consultation, ApiError> {
    let found = app.store.consultation(id).await?.filter(|found| found.is_with(user));
    found.ok_or(ApiError::NotFound("consultation"))
}

/// Promises the time, as the lawyer.
#[utoipa::path(post, path = "/api/consultations/{id}/confirm", tag = "consultations",
    params(("id" = ConsultationId, Path)),
    responses((status = 200, body = Consultation), NotAllowed, Missing, Conflict, Always))]
pub async fn confirm(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(id): Path<String>,
) -> Result<Json<Consultation>, ApiError> {
    move_on(&app, person.id, &id, ConsultationStep::Confirm).await
}

/// Refuses, as the lawyer.
#[utoipa::path(post, path = "/api/consultations/{id}/decline", tag = "consultations",
    params(("id" = ConsultationId, Path)),
    responses((status = 200, body = Consultation), NotAllowed, Missing, Conflict, Always))]
pub async fn decline(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(id): Path<String>,
) -> Result<Json<Consultation>, ApiError> {
    move_on(&app, person.id, &id, ConsultationStep::Decline).await
}

/// Calls it off, as either.
#[utoipa::path(post, path = "/api/consultations/{id}/cancel", tag = "consultations",
    params(("id" = ConsultationId, Path)),
    responses((status = 200, body = Consultation), NotAllowed, Missing, Conflict, Always))]
pub async fn cancel(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(id): Path<String>,
) -> Result<Json<Consultation>, ApiError> {
    move_on(&app, person.id, &id, ConsultationStep::Cancel).await
}

/// Says that it took place, as the lawyer, once it has begun.
#[utoipa::path(post, path = "/api/consultations/{id}/complete", tag = "consultations",
    params(("id" = ConsultationId, Path)),
    responses((status = 200, body = Consultation), NotAllowed, Missing, Conflict, Always))]
pub async fn complete(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(id): Path<String>,
) -> Result<Json<Consultation>, ApiError> {
    move_on(&app, person.id, &id, ConsultationStep::Complete).await
}

/// Tries again when the other has changed it meanwhile. Consultations never go back, so this ends.
async fn move_on(
    app: &App,
    user: UserId,
    id: &str,
    step: ConsultationStep,
) -> Result<Json<Consultation>, ApiError> {
    let id = identifier(id, "consultation")?;
    loop {
        let seen = visible(app, user, id).await?;
        if step != ConsultationStep::Cancel && seen.lawyer.id != user {
            return Err(ApiError::Restricted("only the lawyer of this consultation may do this"));
        }
        let status = seen.status_after(step, Timestamp::now())?;
        if app.store.move_consultation(seen.clone(), status).await? {
            stale::consultation(app, &seen).await;
            return Ok(Json(Consultation { status, ..seen }));
        }
    }
}
