//! Appointments.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::cases::whose_conditions;
use super::conditions::Conditions;
use super::row::{all, one, person, timestamp, word};
use crate::domain::{
    Consultation, ConsultationFilter, ConsultationId, ConsultationStatus, Page, PageRequest, Timestamp,
    UserId,
};
use crate::store::{Answer, ConsultationStore, StoreError};

const CONSULTATIONS: &str = "
    SELECT c.id, u.id, u.username, u.name, l.id, l.username, l.name, c.starts_at, c.ends_at, c.status,
           c.created_at
    FROM consultations c CROSS JOIN users u ON u.id = c.citizen CROSS JOIN users l ON l.id = c.lawyer";

/// The end of the last confirmed consultation that begins before a time.
const LAST_BEFORE: &str = "
    SELECT ends_at FROM consultations
    WHERE lawyer = ?1 AND status = 'confirmed' AND starts_at < ?2 ORDER BY starts_at DESC LIMIT 1";

const MICROS_PER_MINUTE: i64 = 60_000_000;

impl ConsultationStore for SqliteStore {
    fn request_consultation(&self, consultation: Consultation) -> Answer<'_, ()> {
        self.write(move |db| request(db, &consultation))
    }

    fn consultation(&self, consultation: ConsultationId) -> Answer<'_, Option<Consultation>> {
        self.read(move |db| find(db, consultation))
    }

    fn consultations(&self, filter: ConsultationFilter, page: PageRequest) -> Answer<'_, Page<Consultation>> {
        self.read(move |db| list(db, filter, page))
    }

    fn move_consultation(&self, seen: Consultation, next: ConsultationStatus) -> Answer<'_, bool> {
        self.write(move |db| move_on(db, &seen, next))
    }
}

pub fn request(db: &Connection, consultation: &Consultation) -> Result<(), StoreError> {
    require_free(db, consultation)?;
    let sql = "INSERT INTO consultations (id, citizen, lawyer, starts_at, ends_at, status, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(sql)?.execute(params![
        consultation.id.as_bytes(),
        consultation.citizen.id.as_bytes(),
        consultation.lawyer.id.as_bytes(),
        consultation.starts_at.micros(),
        consultation.ends_at().micros(),
        consultation.status.as_str(),
        consultation.created_at.micros()
    ])?;
    Ok(())
}

/// Confirmed ones do not overlap, so of those that begin before this one ends, the last ends last.
fn require_free(db: &Connection, wanted: &Consultation) -> Result<(), StoreError> {
    let until = params![wanted.lawyer.id.as_bytes(), wanted.ends_at().micros()];
    let busy_until = one(db, LAST_BEFORE, until, |row| timestamp(row, 0))?;
    match busy_until {
        Some(busy_until) if busy_until > wanted.starts_at => Err(StoreError::Taken("time")),
        _ => Ok(()),
    }
}

pub fn find(db: &Connection, consultation: ConsultationId) -> Result<Option<Consultation>, StoreError> {
    one(db, &format!("{CONSULTATIONS} WHERE c.id = ?1"), [consultation.as_bytes()], read)
}

pub fn list(
    db: &Connection,
    filter: ConsultationFilter,
    page: PageRequest,
) -> Result<Page<Consultation>, StoreError> {
    let found = conditions(filter).list(db, CONSULTATIONS, "c.id", &page, read)?;
    Ok(Page::from_overfull(found, page.limit, |consultation| *consultation.id.as_bytes()))
}

fn conditions(ConsultationFilter { whose, status }: ConsultationFilter) -> Conditions {
    let mut wanted = whose_conditions(whose);
    wanted.and_if("c.status = ?", status.map(|status| status.as_str().to_owned()));
    wanted
}

/// Confirmed consultations of a lawyer that have not begun, the next one first.
pub fn next(
    db: &Connection,
    lawyer: UserId,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Consultation>, StoreError> {
    all(db, &next_sql(), params![lawyer.as_bytes(), now.micros(), most as i64], read)
}

fn next_sql() -> String {
    format!(
        "{CONSULTATIONS} WHERE c.lawyer = ?1 AND c.status = 'confirmed' AND c.starts_at > ?2
         ORDER BY c.starts_at LIMIT ?3"
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Consultation> {
    let (starts_at, ends_at) = (timestamp(row, 7)?, timestamp(row, 8)?);
    let minutes = (ends_at.micros() - starts_at.micros()) / MICROS_PER_MINUTE;
    Ok(Consultation {
        id: ConsultationId::from_bytes(row.get(0)?),
        citizen: person(row, 1)?,
        lawyer: person(row, 4)?,
        starts_at,
        minutes: u16::try_from(minutes).unwrap_or(u16::MAX),
        status: word(row, 9)?,
        created_at: timestamp(row, 10)?,
    })
}

pub fn move_on(db: &Connection, seen: &Consultation, next: ConsultationStatus) -> Result<bool, StoreError> {
    let sql = "UPDATE consultations SET status = ?1 WHERE id = ?2 AND status = ?3";
    if next == ConsultationStatus::Confirmed {
        require_free(db, seen)?;
    }
    let parameters = params![next.as_str(), seen.id.as_bytes(), seen.status.as_str()];
    Ok(db.prepare_cached(sql)?.execute(parameters)? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Whose;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn lists_read_by_index() {
        let (citizen, lawyer) = (Whose::Citizen(UserId::new()), Whose::Lawyer(UserId::new()));
        let page = PageRequest { after: None, limit: 20 };
        for (whose, status, way) in [
            (citizen, None, "consultations_by_citizen (citizen=? AND id<?)"),
            (
                citizen,
                Some(ConsultationStatus::Requested),
                "consultations_by_citizen_status (citizen=? AND status=? AND id<?)",
            ),
            (lawyer, None, "consultations_by_lawyer (lawyer=? AND id<?)"),
            (
                Whose::Everybody,
                Some(ConsultationStatus::Requested),
                "consultations_by_status (status=? AND id<?)",
            ),
        ] {
            let (sql, _) =
                conditions(ConsultationFilter { whose, status }).page(CONSULTATIONS, "c.id", &page);
            assert_reads_by(&sql, way);
            assert_costly_without_indexes(&sql);
        }
    }

    #[test]
    fn a_lawyers_day_reads_by_index() {
        for sql in [LAST_BEFORE, &next_sql()] {
            assert_reads_by(sql, "consultations_by_lawyer_status (lawyer=? AND status=? AND starts_at");
            assert_costly_without_indexes(sql);
        }
    }
}
