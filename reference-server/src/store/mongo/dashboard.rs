//! The numbers on dashboards: one aggregate for each of them.

use mongodb::bson::Document;

use super::cases::of;
use super::collection::{CONSULTATIONS, USERS, of_cases};
use super::consultations;
use super::database::Database;
use crate::domain::{CaseKind, CaseStatus, ConsultationStatus, Counts, Dashboard, Role, Timestamp, Whose};
use crate::store::StoreError;

pub async fn read(db: &mut Database, whose: Whose, now: Timestamp) -> Result<Dashboard, StoreError> {
    let counted = db.count_by(CONSULTATIONS, of(whose, "lawyer"), "status").await?;
    let (mut users, mut next_consultations) = (None, None);
    match whose {
        Whose::Everybody => users = Some(count_users(db).await?),
        Whose::Lawyer(lawyer) => {
            next_consultations = Some(consultations::next(db, lawyer, now, Dashboard::NEXT).await?);
        }
        Whose::Citizen(_) => {}
    }
    Ok(Dashboard {
        queries: count_cases(db, whose, CaseKind::Query).await?,
        disputes: count_cases(db, whose, CaseKind::Dispute).await?,
        consultations: Dashboard::fill(ConsultationStatus::ALL, &counted, ConsultationStatus::as_str),
        next_consultations,
        users,
    })
}

async fn count_cases(
    db: &mut Database,
    whose: Whose,
    kind: CaseKind,
) -> Result<Counts<CaseStatus>, StoreError> {
    let counted = db.count_by(of_cases(kind), of(whose, "assignedLawyer"), "status").await?;
    Ok(Dashboard::fill(kind.statuses(), &counted, CaseStatus::as_str))
}

async fn count_users(db: &mut Database) -> Result<Counts<Role>, StoreError> {
    Ok(Dashboard::fill(Role::ALL, &db.count_by(USERS, Document::new(), "role").await?, Role::as_str))
}
