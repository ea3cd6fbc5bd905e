//! Cases that citizens bring to lawyers, queries and disputes, and what may happen to them.

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::words::words;
use super::{CaseId, Person, Timestamp, UserId};

words! {
    /// What kind of case it is.
    CaseKind {
        /// A question, which a lawyer answers.
        Query = "query",
        /// A quarrel with somebody, in which a lawyer mediates.
        Dispute = "dispute",
    }
}

words! {
    /// How far a case has come. Queries go from open over assigned and answered to closed, disputes from open
    /// over mediation to resolved or closed.
    CaseStatus {
        /// No lawyer has taken it yet.
        Open = "open",
        /// A lawyer works on the query.
        Assigned = "assigned",
        /// The query has its answer.
        Answered = "answered",
        /// A lawyer mediates in the dispute.
        Mediation = "mediation",
        /// The dispute has its resolution.
        Resolved = "resolved",
        /// The citizen has ended it.
        Closed = "closed",
    }
}

words! {
    /// A field of law.
    PracticeArea {
        /// Marriage, divorce, children.
        Family = "family",
        /// Land and houses, owned or rented.
        Property = "property",
        /// Work.
        Employment = "employment",
        /// Offences.
        Criminal = "criminal",
        /// Goods and services.
        Consumer = "consumer",
        /// Taxes.
        Tax = "tax",
        /// Residence and citizenship.
        Immigration = "immigration",
        /// Companies and their contracts.
        Corporate = "corporate",
        /// Anything between private parties.
        Civil = "civil",
        /// Anything else.
        Other = "other",
    }
}

impl CaseKind {
    /// The statuses that a case of this kind can have.
    pub fn statuses(self) -> &'static [CaseStatus] {
        use CaseStatus::{Answered, Assigned, Closed, Mediation, Open, Resolved};
        match self {
            Self::Query => &[Open, Assigned, Answered, Closed],
            Self::Dispute => &[Open, Mediation, Resolved, Closed],
        }
    }
}

/// Which case. On the wire `{"query": id}` or `{"dispute": id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "About", into = "About")]
pub struct CaseRef {
    /// Queries and disputes are kept apart.
    pub kind: CaseKind,
    /// The case among those of its kind.
    pub id: CaseId,
}

/// A reference as it is on the wire.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<CaseId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<CaseId>,
}

impl TryFrom<About> for CaseRef {
    type Error = &'static str;

    fn try_from(about: About) -> Result<Self, Self::Error> {
        match about {
            About { query: Some(id), dispute: None } => Ok(Self { kind: CaseKind::Query, id }),
            About { query: None, dispute: Some(id) } => Ok(Self { kind: CaseKind::Dispute, id }),
            _ => Err("name either a query or a dispute"),
        }
    }
}

impl From<CaseRef> for About {
    fn from(CaseRef { kind, id }: CaseRef) -> Self {
        match kind {
            CaseKind::Query => Self { query: Some(id), dispute: None },
            CaseKind::Dispute => Self { query: None, dispute: Some(id) },
        }
    }
}

impl PartialSchema for CaseRef {
    fn schema() -> RefOr<Schema> {
        let named = |kind: &CaseKind| {
            ObjectBuilder::new().property(kind.as_str(), CaseId::schema()).required(kind.as_str()).build()
        };
        let kinds = CaseKind::ALL.iter().map(named);
        RefOr::T(Schema::OneOf(kinds.fold(OneOfBuilder::new(), OneOfBuilder::item).build()))
    }
}

impl ToSchema for CaseRef {}

/// What only one kind of case has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// Of a query.
    Query {
        /// The field of law.
        category: PracticeArea,
    },
    /// Of a dispute.
    Dispute {
        /// With whom.
        respondent: String,
    },
}

/// A query or a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The case.
    pub id: CaseId,
    /// Who brought it.
    pub citizen: Person,
    /// Who has taken it.
    pub lawyer: Option<Person>,
    /// What it is about, in short.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// What only one kind of case has.
    pub matter: Matter,
    /// How far it has come.
    pub status: CaseStatus,
    /// The answer to the query, or the resolution of the dispute.
    pub outcome: Option<String>,
    /// When it was brought.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// Something that happens to a case.
#[derive(Debug, Clone)]
pub enum CaseStep {
    /// A lawyer takes it, or is given it.
    Take(Person),
    /// The lawyer answers the query, or resolves the dispute, with this text.
    Conclude(String),
    /// The citizen ends it.
    Close,
}

/// A step that does not fit the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this {what} is {state}: it cannot be {step} now")]
pub struct WrongState {
    /// What the step was for.
    pub what: &'static str,
    /// Its state.
    pub state: &'static str,
    /// What was to happen to it.
    pub step: &'static str,
}

impl Case {
    /// Which case it is.
    pub fn reference(&self) -> CaseRef {
        CaseRef { kind: self.kind(), id: self.id }
    }

    /// What kind of case it is.
    pub fn kind(&self) -> CaseKind {
        match self.matter {
            Matter::Query { .. } => CaseKind::Query,
            Matter::Dispute { .. } => CaseKind::Dispute,
        }
    }

    /// Whether this account brought the case.
    pub fn is_of(&self, citizen: UserId) -> bool {
        self.citizen.id == citizen
    }

    /// Whether this account has taken the case.
    pub fn is_with(&self, lawyer: UserId) -> bool {
        self.lawyer_id() == Some(lawyer)
    }

    /// The account that has taken the case.
    pub fn lawyer_id(&self) -> Option<UserId> {
        self.lawyer.as_ref().map(|lawyer| lawyer.id)
    }

    /// The case after a step.
    pub fn after(&self, step: CaseStep, now: Timestamp) -> Result<Self, WrongState> {
        let next = Self { status: self.status_after(&step)?, updated_at: now, ..self.clone() };
        Ok(match step {
            CaseStep::Take(lawyer) => Self { lawyer: Some(lawyer), ..next },
            CaseStep::Conclude(text) => Self { outcome: Some(text), ..next },
            CaseStep::Close => next,
        })
    }

    fn status_after(&self, step: &CaseStep) -> Result<CaseStatus, WrongState> {
        use CaseStatus::{Answered, Assigned, Closed, Mediation, Open, Resolved};
        match (self.kind(), self.status, step) {
            (CaseKind::Query, Open, CaseStep::Take(_)) => Ok(Assigned),
            (CaseKind::Query, Assigned, CaseStep::Conclude(_)) => Ok(Answered),
            (CaseKind::Query, Answered, CaseStep::Close) => Ok(Closed),
            (CaseKind::Dispute, Open, CaseStep::Take(_)) => Ok(Mediation),
            (CaseKind::Dispute, Mediation, CaseStep::Conclude(_)) => Ok(Resolved),
            (CaseKind::Dispute, Mediation, CaseStep::Close) => Ok(Closed),
            (kind, state, step) => {
                let (what, state) = (kind.as_str(), state.as_str());
                Err(WrongState { what, state, step: step.participle() })
            }
        }
    }
}

impl CaseStep {
    fn participle(&self) -> &'static str {
        match self {
            Self::Take(_) => "taken",
            Self::Conclude(_) => "concluded",
            Self::Close => "closed",
        }
    }
}

/// Whose cases or consultations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Everybody,
    /// Those that this account asked for.
    Citizen(UserId),
    /// Those that are with this account.
    Lawyer(UserId),
}

/// Which cases of one kind.
#[derive(Debug, Clone, Copy)]
pub struct CaseFilter {
    /// Whose.
    pub whose: Whose,
    /// Only those that have come this far.
    pub status: Option<CaseStatus>,
    /// Only queries in this field of law. Disputes have none.
    pub category: Option<PracticeArea>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Person {
        Person { id: UserId::new(), username: name.into(), name: name.into() }
    }

    fn case(matter: Matter, status: CaseStatus) -> Case {
        let now = Timestamp::from_micros(1);
        Case {
            id: CaseId::new(),
            citizen: person("cit"),
            lawyer: None,
            title: "t".into(),
            description: "d".into(),
            matter,
            status,
            outcome: None,
            created_at: now,
            updated_at: now,
        }
    }

    fn matters() -> [Matter; 2] {
        [Matter::Query { category: PracticeArea::Tax }, Matter::Dispute { respondent: "r".into() }]
    }

    /// All steps from all statuses: exactly the documented ways lead on.
    #[test]
    fn cases_go_the_documented_ways_and_no_other() {
        let mut ways = Vec::new();
        for matter in matters() {
            for &status in CaseStatus::ALL {
                for step in [CaseStep::Take(person("law")), CaseStep::Conclude("x".into()), CaseStep::Close] {
                    let before = case(matter.clone(), status);
                    if let Ok(next) = before.after(step, Timestamp::from_micros(2)) {
                        ways.push(format!(
                            "{} {} {}",
                            before.kind().as_str(),
                            status.as_str(),
                            next.status.as_str()
                        ));
                    }
                }
            }
        }
        assert_eq!(
            ways,
            [
                "query open assigned",
                "query assigned answered",
                "query answered closed",
                "dispute open mediation",
                "dispute mediation resolved",
                "dispute mediation closed",
            ]
        );
    }

    #[test]
    fn a_refusal_names_the_state() {
        let [query, _] = matters();
        let refused = case(query, CaseStatus::Closed).after(CaseStep::Close, Timestamp::now()).unwrap_err();
        assert_eq!(refused.to_string(), "this query is closed: it cannot be closed now");
    }

    #[test]
    fn a_step_changes_what_it_says_and_nothing_else() {
        let [query, _] = matters();
        let (open, lawyer) = (case(query, CaseStatus::Open), person("law"));
        let (later, last) = (Timestamp::from_micros(2), Timestamp::from_micros(3));
        let taken = open.after(CaseStep::Take(lawyer.clone()), later).unwrap();
        let expected = Case { lawyer: Some(lawyer), status: CaseStatus::Assigned, updated_at: later, ..open };
        assert_eq!(taken, expected);
        let answered = taken.after(CaseStep::Conclude("so".into()), last).unwrap();
        let expected =
            Case { outcome: Some("so".into()), status: CaseStatus::Answered, updated_at: last, ..taken };
        assert_eq!(answered, expected);
    }

    #[test]
    fn words_lead_back_to_their_values() {
        for status in CaseStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("OPEN".parse::<CaseStatus>().is_err());
    }
}
