//! What queries and disputes have in common: who sees them, who may do what, and which of two is first.

use axum::Json;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::case_view::CaseView;
use super::member::Member;
use crate::app::App;
use crate::domain::{
    Case, CaseFilter, CaseId, CaseKind, CaseRef, CaseStatus, CaseStep, Matter, Page, PageRequest, Person,
    PracticeArea, Role, Timestamp, UserId, Validator, Whose, limit,
};
use crate::http::ApiError;
use crate::http::extract::identifier;
use crate::http::stale;

/// What somebody wants to see of a list of queries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QueryFilter {
    /// Only those that have come this far.
    pub status: Option<CaseStatus>,
    /// Only those in this field of law.
    pub category: Option<PracticeArea>,
}

/// What somebody wants to see of a list of disputes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DisputeFilter {
    /// Only those that have come this far.
    pub status: Option<CaseStatus>,
}

/// The lawyer's last word in a case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// What it says.
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
}

/// Brings a new case.
pub async fn open(
    app: &App,
    citizen: Person,
    (title, description): (String, String),
    matter: Matter,
) -> Result<CaseView, ApiError> {
    let mut rules = Validator::default();
    rules.text("title", &title, limit::TITLE).text("description", &description, limit::DESCRIPTION);
    if let Matter::Dispute { respondent } = &matter {
        rules.text("respondent", respondent, limit::RESPONDENT);
    }
    rules.finish()?;
    let (id, status, created_at) = (CaseId::new(), CaseStatus::Open, Timestamp::now());
    let (lawyer, outcome, updated_at) = (None, None, created_at);
    let case =
        Case { id, citizen, lawyer, title, description, matter, status, outcome, created_at, updated_at };
    app.store.open_case(case.clone()).await?;
    stale::case(app, &case).await;
    Ok(case.into())
}

/// A member's own cases; for lawyers that ask for open ones, those of all.
pub async fn list(
    app: &App,
    member: &Member,
    kind: CaseKind,
    (status, category): (Option<CaseStatus>, Option<PracticeArea>),
    page: PageRequest,
) -> Result<Page<CaseView>, ApiError> {
    let offered = member.role == Role::Lawyer && status == Some(CaseStatus::Open);
    let whose = if offered { Whose::Everybody } else { member.own() };
    let filter = CaseFilter { whose, status, category };
    Ok(app.store.cases(kind, filter, page).await?.map(CaseView::from))
}

/// The case of this kind that a path names.
pub fn named(kind: CaseKind, id: &str) -> Result<CaseRef, ApiError> {
    Ok(CaseRef { kind, id: identifier(id, kind.as_str())? })
}

/// A case that exists.
async fn existing(app: &App, case: CaseRef) -> Result<Case, ApiError> {
    app.store.case(case).await?.ok_or(ApiError::NotFound(case.kind.as_str()))
}

/// A case, if this member may see it: its citizen, its lawyer, administrators, and all lawyers while it is
/// open. To others it does not exist.
pub async fn visible(app: &App, member: &Member, case: CaseRef) -> Result<Case, ApiError> {
    let found = existing(app, case).await?;
    let offered = member.role == Role::Lawyer && found.status == CaseStatus::Open;
    let concerned = found.is_of(member.id()) || found.is_with(member.id()) || member.role == Role::Admin;
    if offered || concerned { Ok(found) } else { Err(ApiError::NotFound(case.kind.as_str())) }
}

/// Gives a case to a lawyer, who does not have to see it: whoever comes second learns that it is taken.
pub async fn take(app: &App, lawyer: &Person, case: CaseRef) -> Result<Json<CaseView>, ApiError> {
    loop {
        let seen = existing(app, case).await?;
        let next = seen.after(CaseStep::Take(lawyer.clone()), Timestamp::now())?;
        if seen.is_of(lawyer.id) {
            return Err(ApiError::Restricted("nobody takes a case of their own"));
        }
        if app.store.replace_case(seen, next.clone()).await? {
            stale::case(app, &next).await;
            return Ok(Json(next.into()));
        }
    }
}

/// Gives a case to an active lawyer of the administrator's choice.
pub async fn assign(app: &App, lawyer: UserId, case: CaseRef) -> Result<Json<CaseView>, ApiError> {
    let found = app.store.lawyer(lawyer).await?.ok_or(ApiError::NotFound("lawyer"))?;
    take(app, &found.person, case).await
}

/// Concludes a case that this member has taken.
pub async fn conclude(
    app: &App,
    member: &Member,
    case: CaseRef,
    Outcome { text }: Outcome,
) -> Result<Json<CaseView>, ApiError> {
    Validator::default().text("text", &text, limit::OUTCOME).finish()?;
    move_on(app, member, case, &CaseStep::Conclude(text)).await
}

/// Closes a case that this member has brought.
pub async fn close(app: &App, member: &Member, case: CaseRef) -> Result<Json<CaseView>, ApiError> {
    move_on(app, member, case, &CaseStep::Close).await
}

/// Tries again when somebody else has changed the case meanwhile. Cases never go back, so this ends.
async fn move_on(
    app: &App,
    member: &Member,
    case: CaseRef,
    step: &CaseStep,
) -> Result<Json<CaseView>, ApiError> {
    loop {
        let seen = visible(app, member, case).await?;
        let next = seen.after(step.clone(), Timestamp::now())?;
        require_right(&seen, member.id(), step)?;
        if app.store.replace_case(seen, next.clone()).await? {
            stale::case(app, &next).await;
            return Ok(Json(next.into()));
        }
    }
}

fn require_right(case: &Case, user: UserId, step: &CaseStep) -> Result<(), ApiError> {
    match step {
        CaseStep::Close if !case.is_of(user) => {
            Err(ApiError::Restricted("only the citizen of this case may do this"))
        }
        CaseStep::Conclude(_) if !case.is_with(user) => {
            Err(ApiError::Restricted("only the lawyer of this case may do this"))
        }
        _ => Ok(()),
    }
}
