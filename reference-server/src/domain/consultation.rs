//! Appointments of a citizen with a lawyer.

use serde::Serialize;
use utoipa::ToSchema;

use super::words::words;
use super::{ConsultationId, Person, Timestamp, UserId, Whose, WrongState};

words! {
    /// How far a consultation has come.
    ConsultationStatus {
        /// The lawyer has not answered yet.
        Requested = "requested",
        /// The lawyer will be there.
        Confirmed = "confirmed",
        /// The lawyer will not be there.
        Declined = "declined",
        /// One of the two has called it off.
        Cancelled = "cancelled",
        /// It took place.
        Completed = "completed",
    }
}

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consultation {
    /// The consultation.
    pub id: ConsultationId,
    /// Who asked for it.
    pub citizen: Person,
    /// Who is asked.
    pub lawyer: Person,
    /// When it begins.
    pub starts_at: Timestamp,
    /// How long it takes.
    pub minutes: u16,
    /// How far it has come.
    pub status: ConsultationStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Something that happens to a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsultationStep {
    /// The lawyer agrees.
    Confirm,
    /// The lawyer does not.
    Decline,
    /// One of the two calls it off.
    Cancel,
    /// The lawyer says that it took place.
    Complete,
}

impl Consultation {
    /// When it ends. Two that only touch do not overlap.
    pub fn ends_at(&self) -> Timestamp {
        Timestamp::from_micros(self.starts_at.micros() + i64::from(self.minutes) * 60_000_000)
    }

    /// Whether this account is one of the two.
    pub fn is_with(&self, user: UserId) -> bool {
        self.citizen.id == user || self.lawyer.id == user
    }

    /// The status after a step.
    pub fn status_after(
        &self,
        step: ConsultationStep,
        now: Timestamp,
    ) -> Result<ConsultationStatus, WrongState> {
        use ConsultationStatus::{Cancelled, Completed, Confirmed, Declined, Requested};
        let refuse = |state, step| Err(WrongState { what: "consultation", state, step });
        match (self.status, step) {
            (Requested, ConsultationStep::Confirm) => Ok(Confirmed),
            (Requested, ConsultationStep::Decline) => Ok(Declined),
            (Requested | Confirmed, ConsultationStep::Cancel) => Ok(Cancelled),
            (Confirmed, ConsultationStep::Complete) if now >= self.starts_at => Ok(Completed),
            (Confirmed, ConsultationStep::Complete) => refuse("confirmed and has not begun", "completed"),
            (state, step) => refuse(state.as_str(), step.participle()),
        }
    }
}

impl ConsultationStep {
    fn participle(self) -> &'static str {
        match self {
            Self::Confirm => "confirmed",
            Self::Decline => "declined",
            Self::Cancel => "cancelled",
            Self::Complete => "completed",
        }
    }
}

/// Which consultations.
#[derive(Debug, Clone, Copy)]
pub struct ConsultationFilter {
    /// Whose.
    pub whose: Whose,
    /// Only those that have come this far.
    pub status: Option<ConsultationStatus>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consultation(status: ConsultationStatus) -> Consultation {
        let person = |name: &str| Person { id: UserId::new(), username: name.into(), name: name.into() };
        Consultation {
            id: ConsultationId::new(),
            citizen: person("cit"),
            lawyer: person("law"),
            starts_at: Timestamp::from_micros(0),
            minutes: 30,
            status,
            created_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn consultations_go_the_documented_ways_and_no_other() {
        use ConsultationStep::{Cancel, Complete, Confirm, Decline};
        let mut ways = Vec::new();
        for &status in ConsultationStatus::ALL {
            for step in [Confirm, Decline, Cancel, Complete] {
                if let Ok(next) = consultation(status).status_after(step, Timestamp::from_micros(0)) {
                    ways.push(format!("{} {}", status.as_str(), next.as_str()));
                }
            }
        }
        assert_eq!(
            ways,
            [
                "requested confirmed",
                "requested declined",
                "requested cancelled",
                "confirmed cancelled",
                "confirmed completed",
            ]
        );
    }

    #[test]
    fn what_has_not_begun_cannot_have_taken_place() {
        let confirmed = consultation(ConsultationStatus::Confirmed);
        let refused =
            confirmed.status_after(ConsultationStep::Complete, Timestamp::from_micros(-1)).unwrap_err();
        assert_eq!(refused.state, "confirmed and has not begun");
    }

    #[test]
    fn half_an_hour_is_half_an_hour() {
        assert_eq!(consultation(ConsultationStatus::Requested).ends_at().micros(), 30 * 60 * 1_000_000);
    }
}
