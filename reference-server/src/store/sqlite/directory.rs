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

const ENTRY: &str = "
    u.id, u.username, u.name, e.headline,
    (SELECT group_concat(area) FROM specializations WHERE user = u.id)";

pub fn lawyers(
    db: &Connection,
    specialization: Option<PracticeArea>,
    page: PageRequest,
) -> Result<Page<Lawyer>, StoreError> {
    let mut wanted = Conditions::default();
    let (from, key) = match specialization {
        Some(area) => {
            wanted.and("s.area = ?", area.as_str().to_owned());
            ("specializations s CROSS JOIN users u ON u.id = s.user", "s.user")
        }
        None => ("users u", "u.id"),
    };
    wanted.and("u.role = ?", Role::Lawyer.as_str().to_owned()).and("u.active = ?", true);
    let select = format!("SELECT {ENTRY} FROM {from} LEFT JOIN lawyers e ON e.user = u.id");
    let found = wanted.list(db, &select, key, &page, read_lawyer)?;
    Ok(Page::from_overfull(found, page.limit, |lawyer| *lawyer.person.id.as_bytes()))
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

pub fn users(
    db: &Connection,
    UserFilter { role, active }: UserFilter,
    page: PageRequest,
) -> Result<Page<UserRecord>, StoreError> {
    let mut wanted = Conditions::default();
    wanted.and_if("u.role = ?", role.map(|role| role.as_str().to_owned())).and_if("u.active = ?", active);
    let found = wanted.list(db, USERS, "u.id", &page, read_user)?;
    Ok(Page::from_overfull(found, page.limit, |user| *user.person.id.as_bytes()))
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
