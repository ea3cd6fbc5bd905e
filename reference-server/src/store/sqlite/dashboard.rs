//! The numbers on dashboards: one aggregate for each of them, all in one read transaction.

use rusqlite::Connection;

use super::conditions::Conditions;
use super::{cases, consultations};
use crate::domain::{CaseKind, CaseStatus, ConsultationStatus, Counts, Dashboard, Role, Timestamp, Whose};
use crate::store::StoreError;

pub fn read(db: &Connection, whose: Whose, now: Timestamp) -> Result<Dashboard, StoreError> {
    let consultations = cases::whose_conditions(whose).count_by(db, "consultations c", "status")?;
    let users = matches!(whose, Whose::Everybody).then(|| users(db)).transpose()?;
    let next_consultations = match whose {
        Whose::Lawyer(lawyer) => Some(consultations::next(db, lawyer, now, Dashboard::NEXT)?),
        _ => None,
    };
    Ok(Dashboard {
        queries: count_cases(db, whose, CaseKind::Query)?,
        disputes: count_cases(db, whose, CaseKind::Dispute)?,
        consultations: Dashboard::fill(ConsultationStatus::ALL, &consultations, ConsultationStatus::as_str),
        next_consultations,
        users,
    })
}

fn count_cases(db: &Connection, whose: Whose, kind: CaseKind) -> Result<Counts<CaseStatus>, StoreError> {
    let (table, _) = cases::table(kind);
    let counted = cases::whose_conditions(whose).count_by(db, &format!("{table} c"), "status")?;
    Ok(Dashboard::fill(kind.statuses(), &counted, CaseStatus::as_str))
}

fn users(db: &Connection) -> Result<Counts<Role>, StoreError> {
    Ok(Dashboard::fill(Role::ALL, &Conditions::default().count_by(db, "users", "role")?, Role::as_str))
}
