//! Lists of accounts.

use rusqlite::{Connection, Row, params};

use super::conditions::Conditions;
use super::row::{one, person, timestamp, word};
use super::{SqliteStore, dashboard};
use crate::domain::{
    Dashboard, Lawyer, LawyerChange, Page, PageRequest, PracticeArea, Role, Timestamp, UserChange,
    UserFilter, UserId, UserRecord, Whose,
};
use crate::store::{Answer, DirectoryStore, StoreError};

impl DirectoryStore for SqliteStore {
    fn lawyers(&self, specialization: Option<PracticeArea>, page: PageRequest) -> Answer<'_, Page<Lawyer>> {
        self.read(move |db| lawyers(db, specialization, page))
    }

    fn lawyer(&self, user: UserId) -> Answer<'_, Option<Lawyer>> {
        self.read(move |db| lawyer(db, user))
    }

    fn change_lawyer(&self, user: UserId, change: LawyerChange) -> Answer<'_, Lawyer> {
        self.write(move |db| change_lawyer(db, user, &change))
    }

    fn users(&self, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRecord>> {
        self.read(move |db| users(db, filter, page))
    }

    fn user(&self, user: UserId) -> Answer<'_, Option<UserRecord>> {
        self.read(move |db| find(db, user))
    }

    fn change_user(&self, user: UserId, change: UserChange) -> Answer<'_, Option<UserRecord>> {
        self.write(move |db| change_user(db, user, change))
    }

    fn dashboard(&self, whose: Whose, now: Timestamp) -> Answer<'_, Dashboard> {
        self.read(move |db| dashboard::read(db, whose, now))
    }
}

/// Beside a narrower condition: the plus keeps SQLite from reading all active accounts by their index.
const ACTIVE_TOO: &str = "+u.active = ?";

const ENTRY: &str = "
    u.id, u.username, u.name, e.headline,
    (SELECT group_concat(area) FROM specializations WHERE user = u.id)";

pub fn lawyers(
    db: &Connection,
    specialization: Option<PracticeArea>,
    page: PageRequest,
) -> Result<Page<Lawyer>, StoreError> {
    let (select, key, wanted) = lawyers_query(specialization);
    let found = wanted.list(db, &select, key, &page, read_lawyer)?;
    Ok(Page::from_overfull(found, page.limit, |lawyer| *lawyer.person.id.as_bytes()))
}

fn lawyers_query(specialization: Option<PracticeArea>) -> (String, &'static str, Conditions) {
    let mut wanted = Conditions::default();
    let (from, key) = match specialization {
        Some(area) => {
            wanted.and("s.area = ?", area.as_str().to_owned());
            ("specializations s CROSS JOIN users u ON u.id = s.user", "s.user")
        }
        None => ("users u", "u.id"),
    };
    wanted.and("u.role = ?", Role::Lawyer.as_str().to_owned()).and(ACTIVE_TOO, true);
    (format!("SELECT {ENTRY} FROM {from} LEFT JOIN lawyers e ON e.user = u.id"), key, wanted)
}

pub fn lawyer(db: &Connection, user: UserId) -> Result<Option<Lawyer>, StoreError> {
    let sql = format!(
        "SELECT {ENTRY} FROM users u LEFT JOIN lawyers e ON e.user = u.id
         WHERE u.id = ?1 AND u.role = ?2 AND u.active"
    );
    one(db, &sql, params![user.as_bytes(), Role::Lawyer.as_str()], read_lawyer)
}

fn read_lawyer(row: &Row<'_>) -> rusqlite::Result<Lawyer> {
    let areas: Option<String> = row.get(4)?;
    let areas = areas.unwrap_or_default();
    let mut specializations: Vec<_> = areas.split(',').filter_map(|area| area.parse().ok()).collect();
    specializations.sort_unstable();
    Ok(Lawyer { person: person(row, 0)?, specializations, headline: row.get(3)? })
}

pub fn change_lawyer(db: &Connection, user: UserId, change: &LawyerChange) -> Result<Lawyer, StoreError> {
    let missing = || StoreError::Missing("lawyer");
    lawyer(db, user)?.ok_or_else(missing)?;
    if let Some(headline) = &change.headline {
        let sql = "INSERT INTO lawyers (user, headline) VALUES (?1, ?2)
                   ON CONFLICT (user) DO UPDATE SET headline = excluded.headline";
        db.prepare_cached(sql)?.execute(params![user.as_bytes(), headline])?;
    }
    if let Some(areas) = &change.specializations {
        db.prepare_cached("DELETE FROM specializations WHERE user = ?1")?.execute([user.as_bytes()])?;
        for area in areas {
            db.prepare_cached("INSERT OR IGNORE INTO specializations (user, area) VALUES (?1, ?2)")?
                .execute(params![user.as_bytes(), area.as_str()])?;
        }
    }
    lawyer(db, user)?.ok_or_else(missing)
}

const USERS: &str = "SELECT u.id, u.username, u.name, u.email, u.role, u.active, u.created_at FROM users u";

pub fn users(db: &Connection, filter: UserFilter, page: PageRequest) -> Result<Page<UserRecord>, StoreError> {
    let found = conditions(filter).list(db, USERS, "u.id", &page, read_user)?;
    Ok(Page::from_overfull(found, page.limit, |user| *user.person.id.as_bytes()))
}

fn conditions(UserFilter { role, active }: UserFilter) -> Conditions {
    let mut wanted = Conditions::default();
    let is_active = if role.is_some() { ACTIVE_TOO } else { "u.active = ?" };
    wanted.and_if("u.role = ?", role.map(|role| role.as_str().to_owned())).and_if(is_active, active);
    wanted
}

pub fn find(db: &Connection, user: UserId) -> Result<Option<UserRecord>, StoreError> {
    one(db, &format!("{USERS} WHERE u.id = ?1"), [user.as_bytes()], read_user)
}

fn read_user(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        person: person(row, 0)?,
        email: row.get(3)?,
        role: word(row, 4)?,
        active: row.get(5)?,
        created_at: timestamp(row, 6)?,
    })
}

pub fn change_user(
    db: &Connection,
    user: UserId,
    UserChange { role, active }: UserChange,
) -> Result<Option<UserRecord>, StoreError> {
    let sql = "UPDATE users SET role = coalesce(?2, role), active = coalesce(?3, active) WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![user.as_bytes(), role.map(Role::as_str), active])?;
    find(db, user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    const FIRST: PageRequest = PageRequest { after: None, limit: 20 };

    #[test]
    fn lawyers_are_read_by_index() {
        for (specialization, way) in [
            (None, "SEARCH u USING INDEX users_by_role (role=? AND id<?)"),
            (Some(PracticeArea::Tax), "specializations_by_area (area=? AND user<?)"),
        ] {
            let (select, key, wanted) = lawyers_query(specialization);
            let (sql, _) = wanted.page(&select, key, &FIRST);
            assert_reads_by(&sql, way);
            assert_costly_without_indexes(&sql);
        }
    }

    #[test]
    fn accounts_are_read_by_index() {
        for (role, active, way) in [
            (Some(Role::Admin), None, "users_by_role (role=? AND id<?)"),
            (Some(Role::Admin), Some(true), "users_by_role (role=? AND id<?)"),
            (None, Some(false), "users_by_active (active=? AND id<?)"),
        ] {
            let (sql, _) = conditions(UserFilter { role, active }).page(USERS, "u.id", &FIRST);
            assert_reads_by(&sql, way);
            assert_costly_without_indexes(&sql);
        }
    }
}
