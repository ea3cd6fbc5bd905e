//! Queries and disputes: two tables that differ in one column.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::conditions::Conditions;
use super::row::{one, optional_person, person, timestamp, word};
use crate::domain::{Case, CaseFilter, CaseId, CaseKind, CaseRef, Matter, Page, PageRequest, Whose};
use crate::store::{Answer, CaseStore, StoreError};

impl CaseStore for SqliteStore {
    fn open_case(&self, case: Case) -> Answer<'_, ()> {
        self.write(move |db| open(db, &case))
    }

    fn case(&self, case: CaseRef) -> Answer<'_, Option<Case>> {
        self.read(move |db| find(db, case))
    }

    fn cases(&self, kind: CaseKind, filter: CaseFilter, page: PageRequest) -> Answer<'_, Page<Case>> {
        self.read(move |db| list(db, kind, filter, page))
    }

    fn replace_case(&self, seen: Case, next: Case) -> Answer<'_, bool> {
        self.write(move |db| replace(db, &seen, &next))
    }
}

/// The table of a kind, and the column that only it has.
pub fn table(kind: CaseKind) -> (&'static str, &'static str) {
    match kind {
        CaseKind::Query => ("queries", "category"),
        CaseKind::Dispute => ("disputes", "respondent"),
    }
}

pub fn open(db: &Connection, case: &Case) -> Result<(), StoreError> {
    let (table, column) = table(case.kind());
    let sql = format!(
        "INSERT INTO {table} (id, citizen, lawyer, title, description, {column}, status, outcome, created_at,
                              updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    );
    db.prepare_cached(&sql)?.execute(params![
        case.id.as_bytes(),
        case.citizen.id.as_bytes(),
        case.lawyer_id().map(|id| *id.as_bytes()),
        case.title,
        case.description,
        stored(&case.matter),
        case.status.as_str(),
        case.outcome,
        case.created_at.micros(),
        case.updated_at.micros()
    ])?;
    Ok(())
}

fn stored(matter: &Matter) -> &str {
    match matter {
        Matter::Query { category } => category.as_str(),
        Matter::Dispute { respondent } => respondent,
    }
}

pub fn find(db: &Connection, CaseRef { kind, id }: CaseRef) -> Result<Option<Case>, StoreError> {
    one(db, &format!("{} WHERE c.id = ?1", select(kind)), [id.as_bytes()], |row| read(row, kind))
}

pub fn list(
    db: &Connection,
    kind: CaseKind,
    filter: CaseFilter,
    page: PageRequest,
) -> Result<Page<Case>, StoreError> {
    let found = conditions(filter).list(db, &select(kind), "c.id", &page, |row| read(row, kind))?;
    Ok(Page::from_overfull(found, page.limit, |case| *case.id.as_bytes()))
}

fn conditions(CaseFilter { whose, status, category }: CaseFilter) -> Conditions {
    let mut wanted = whose_conditions(whose);
    wanted.and_if("c.status = ?", status.map(|status| status.as_str().to_owned()));
    wanted.and_if("c.category = ?", category.map(|category| category.as_str().to_owned()));
    wanted
}

/// Restricts a list of `c`, which has a citizen and a lawyer.
pub fn whose_conditions(whose: Whose) -> Conditions {
    let mut wanted = Conditions::default();
    match whose {
        Whose::Everybody => {}
        Whose::Citizen(user) => drop(wanted.and("c.citizen = ?", user.as_bytes().to_vec())),
        Whose::Lawyer(user) => drop(wanted.and("c.lawyer = ?", user.as_bytes().to_vec())),
    }
    wanted
}

fn select(kind: CaseKind) -> String {
    let (table, column) = table(kind);
    format!(
        "SELECT c.id, u.id, u.username, u.name, l.id, l.username, l.name, c.title, c.description, c.{column},
                c.status, c.outcome, c.created_at, c.updated_at
         FROM {table} c CROSS JOIN users u ON u.id = c.citizen LEFT JOIN users l ON l.id = c.lawyer"
    )
}

fn read(row: &Row<'_>, kind: CaseKind) -> rusqlite::Result<Case> {
    let matter = match kind {
        CaseKind::Query => Matter::Query { category: word(row, 9)? },
        CaseKind::Dispute => Matter::Dispute { respondent: row.get(9)? },
    };
    Ok(Case {
        id: CaseId::from_bytes(row.get(0)?),
        citizen: person(row, 1)?,
        lawyer: optional_person(row, 4)?,
        title: row.get(7)?,
        description: row.get(8)?,
        matter,
        status: word(row, 10)?,
        outcome: row.get(11)?,
        created_at: timestamp(row, 12)?,
        updated_at: timestamp(row, 13)?,
    })
}

pub fn replace(db: &Connection, seen: &Case, next: &Case) -> Result<bool, StoreError> {
    let (table, _) = table(seen.kind());
    let sql = format!(
        "UPDATE {table} SET status = ?1, lawyer = ?2, outcome = ?3, updated_at = ?4
         WHERE id = ?5 AND status = ?6 AND lawyer IS ?7"
    );
    let changed = db.prepare_cached(&sql)?.execute(params![
        next.status.as_str(),
        next.lawyer_id().map(|id| *id.as_bytes()),
        next.outcome,
        next.updated_at.micros(),
        seen.id.as_bytes(),
        seen.status.as_str(),
        seen.lawyer_id().map(|id| *id.as_bytes())
    ])?;
    Ok(changed == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CaseStatus, PracticeArea, UserId};
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    fn sql(kind: CaseKind, whose: Whose, status: bool, category: bool) -> String {
        let status = status.then_some(CaseStatus::Open);
        let category = category.then_some(PracticeArea::Tax);
        let page = PageRequest { after: None, limit: 20 };
        conditions(CaseFilter { whose, status, category }).page(&select(kind), "c.id", &page).0
    }

    #[test]
    fn each_list_reads_by_an_index_of_its_own() {
        let (citizen, lawyer) = (Whose::Citizen(UserId::new()), Whose::Lawyer(UserId::new()));
        for kind in [CaseKind::Query, CaseKind::Dispute] {
            let (table, _) = table(kind);
            for (whose, status, way) in [
                (citizen, false, "by_citizen (citizen=? AND id<?)"),
                (citizen, true, "by_citizen_status (citizen=? AND status=? AND id<?)"),
                (lawyer, false, "by_lawyer (lawyer=? AND id<?)"),
                (lawyer, true, "by_lawyer_status (lawyer=? AND status=? AND id<?)"),
                (Whose::Everybody, true, "by_status (status=? AND id<?)"),
            ] {
                let sql = sql(kind, whose, status, false);
                assert_reads_by(&sql, &format!("SEARCH c USING INDEX {table}_{way}"));
                assert_costly_without_indexes(&sql);
            }
        }
        let offered = sql(CaseKind::Query, Whose::Everybody, true, true);
        assert_reads_by(&offered, "queries_by_status_category (status=? AND category=? AND id<?)");
    }
}
