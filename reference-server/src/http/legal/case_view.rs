//! Queries and disputes as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Case, CaseId, CaseStatus, Matter, Person, PracticeArea, Timestamp};

/// A query or a dispute.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Case)]
pub struct CaseView {
    id: CaseId,
    /// Who brought it.
    citizen: Person,
    /// Who has taken it.
    lawyer: Option<Person>,
    title: String,
    description: String,
    #[serde(flatten)]
    matter: MatterView,
    status: CaseStatus,
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
}

/// What only one kind of case has.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Matter)]
enum MatterView {
    /// Of a query.
    Query {
        category: PracticeArea,
        /// The lawyer's answer.
        answer: Option<String>,
    },
    /// Of a dispute.
    Dispute {
        /// With whom.
        respondent: String,
        /// How the lawyer resolved it.
        resolution: Option<String>,
    },
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        let Case { id, citizen, lawyer, title, description, matter, status, outcome, created_at, updated_at } =
            case;
        let matter = match matter {
            Matter::Query { category } => MatterView::Query { category, answer: outcome },
            Matter::Dispute { respondent } => MatterView::Dispute { respondent, resolution: outcome },
        };
        Self { id, citizen, lawyer, title, description, matter, status, created_at, updated_at }
    }
}
