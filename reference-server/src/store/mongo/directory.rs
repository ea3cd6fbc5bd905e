//! Lists of accounts. What lawyers say about themselves is in their accounts.

use mongodb::bson::{Bson, Document, doc};

use super::collection::USERS;
use super::database::{Database, Query};
use super::value::Row;
use super::{MongoStore, dashboard};
use crate::domain::{
    Dashboard, Lawyer, LawyerChange, Page, PageRequest, PracticeArea, Role, Timestamp, UserChange,
    UserFilter, UserId, UserRecord, Whose,
};
use crate::store::{Answer, DirectoryStore, StoreError};

const LAWYER: &[&str] = &["username", "name", "specializations", "headline"];
const RECORD: &[&str] = &["username", "name", "email", "role", "isActive", "createdAt"];

impl DirectoryStore for MongoStore {
    fn lawyers(&self, specialization: Option<PracticeArea>, page: PageRequest) -> Answer<'_, Page<Lawyer>> {
        self.read(move |db| Box::pin(lawyers(db, specialization, page)))
    }

    fn lawyer(&self, user: UserId) -> Answer<'_, Option<Lawyer>> {
        self.read(move |db| Box::pin(lawyer(db, user)))
    }

    fn change_lawyer(&self, user: UserId, change: LawyerChange) -> Answer<'_, Lawyer> {
        self.write(move |db| Box::pin(change_lawyer(db, user, change.clone())))
    }

    fn users(&self, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRecord>> {
        self.read(move |db| Box::pin(users(db, filter, page)))
    }

    fn user(&self, user: UserId) -> Answer<'_, Option<UserRecord>> {
        self.read_newest(move |db| Box::pin(find(db, user)))
    }

    fn change_user(&self, user: UserId, change: UserChange) -> Answer<'_, Option<UserRecord>> {
        self.write(move |db| Box::pin(change_user(db, user, change)))
    }

    fn dashboard(&self, whose: Whose, now: Timestamp) -> Answer<'_, Dashboard> {
        self.read(move |db| Box::pin(dashboard::read(db, whose, now)))
    }
}

fn active_lawyers() -> Document {
    doc! { "role": Role::Lawyer.as_str(), "isActive": true }
}

fn active_lawyer(user: UserId) -> Document {
    let mut filter = active_lawyers();
    filter.insert("_id", user);
    filter
}

async fn lawyers(
    db: &mut Database,
    specialization: Option<PracticeArea>,
    page: PageRequest,
) -> Result<Page<Lawyer>, StoreError> {
    let mut filter = active_lawyers();
    filter.extend(specialization.map(|area| ("specializations".to_owned(), Bson::from(area.as_str()))));
    let found = db.all(USERS, Query::page(filter, "_id", &page).fields(LAWYER), read_lawyer).await?;
    Ok(Page::from_overfull(found, page.limit, |lawyer| *lawyer.person.id.as_bytes()))
}

async fn lawyer(db: &mut Database, user: UserId) -> Result<Option<Lawyer>, StoreError> {
    db.one(USERS, Query::new(active_lawyer(user)).fields(LAWYER), read_lawyer).await
}

fn read_lawyer(row: &Row<'_>) -> Result<Lawyer, StoreError> {
    Ok(Lawyer {
        person: row.person()?,
        specializations: row.words("specializations")?,
        headline: row.optional("headline", Row::string)?,
    })
}

async fn change_lawyer(db: &mut Database, user: UserId, change: LawyerChange) -> Result<Lawyer, StoreError> {
    let LawyerChange { specializations, headline } = change;
    let mut fields = Document::new();
    if let Some(mut areas) = specializations {
        areas.sort_unstable();
        areas.dedup();
        let words: Vec<_> = areas.into_iter().map(PracticeArea::as_str).collect();
        fields.insert("specializations", words);
    }
    fields.extend(headline.map(|headline| ("headline".to_owned(), Bson::from(headline))));
    let changed = set(db, active_lawyer(user), fields, LAWYER, read_lawyer).await?;
    changed.ok_or(StoreError::Missing("lawyer"))
}

/// Sets fields of an account, perhaps none, and gives the account as it is then.
async fn set<T>(
    db: &mut Database,
    filter: Document,
    fields: Document,
    wanted: &[&str],
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    if fields.is_empty() {
        return db.one(USERS, Query::new(filter).fields(wanted), read).await;
    }
    db.update_and_read(USERS, filter, doc! { "$set": fields }, read).await
}

async fn users(
    db: &mut Database,
    UserFilter { role, active }: UserFilter,
    page: PageRequest,
) -> Result<Page<UserRecord>, StoreError> {
    let filter = role_and_state(role, active);
    let found = db.all(USERS, Query::page(filter, "_id", &page).fields(RECORD), read_user).await?;
    Ok(Page::from_overfull(found, page.limit, |user| *user.person.id.as_bytes()))
}

fn role_and_state(role: Option<Role>, active: Option<bool>) -> Document {
    let role = role.map(|role| ("role".to_owned(), Bson::from(role.as_str())));
    let active = active.map(|active| ("isActive".to_owned(), Bson::from(active)));
    role.into_iter().chain(active).collect()
}

async fn find(db: &mut Database, user: UserId) -> Result<Option<UserRecord>, StoreError> {
    db.one(USERS, Query::new(doc! { "_id": user }).fields(RECORD), read_user).await
}

async fn change_user(
    db: &mut Database,
    user: UserId,
    UserChange { role, active }: UserChange,
) -> Result<Option<UserRecord>, StoreError> {
    set(db, doc! { "_id": user }, role_and_state(role, active), RECORD, read_user).await
}

fn read_user(row: &Row<'_>) -> Result<UserRecord, StoreError> {
    Ok(UserRecord {
        person: row.person()?,
        email: row.optional("email", Row::string)?,
        role: row.word("role")?,
        active: row.flag("isActive")?,
        created_at: row.time("createdAt")?,
    })
}
