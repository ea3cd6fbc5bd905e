//! Accounts.

use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::collection::USERS;
use super::database::{Database, Query};
use super::failure::duplicate_of;
use super::value::Row;
use crate::domain::{Account, NewAccount, Person, Profile, ProfileChange, UserId};
use crate::store::{AccountStore, Answer, StoreError};

const PROFILE: &[&str] =
    &["username", "name", "role", "isActive", "bio", "avatar", "createdAt", "followers", "following"];

impl AccountStore for MongoStore {
    fn create_account(&self, account: NewAccount) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(create(db, account.clone())))
    }

    fn find_account(&self, username: &str) -> Answer<'_, Option<Account>> {
        let filter = by_username(username);
        self.read_newest(move |db| Box::pin(find(db, filter)))
    }

    fn profile(&self, user: UserId) -> Answer<'_, Option<Profile>> {
        self.read(move |db| Box::pin(profile(db, doc! { "_id": user })))
    }

    fn profile_by_username(&self, username: &str) -> Answer<'_, Option<Profile>> {
        let filter = by_username(username);
        self.read(move |db| Box::pin(profile(db, filter)))
    }

    fn change_profile(&self, user: UserId, change: ProfileChange) -> Answer<'_, Profile> {
        self.write(move |db| Box::pin(change_profile(db, user, change.clone())))
    }

    fn people(&self, users: Vec<UserId>) -> Answer<'_, Vec<Person>> {
        self.read(move |db| Box::pin(people(db, users)))
    }
}

/// Names and addresses are unique in any case of letters, as in the embedded store: of ASCII letters.
fn fold(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// The account with this username, in any case of letters.
pub fn by_username(username: &str) -> Document {
    doc! { "usernameKey": fold(username) }
}

/// Adds an account.
pub async fn create(db: &mut Database, account: NewAccount) -> Result<(), StoreError> {
    db.insert(USERS, document(account)).await.map_err(taken_or_failed)
}

/// The document of a new account.
pub fn document(account: NewAccount) -> Document {
    let NewAccount { person, role, active, email, password_hash, created_at } = account;
    let Person { id, username, name } = person;
    let mut document = doc! {
        "_id": id,
        "username": &*username,
        "usernameKey": fold(&username),
        "name": &*name,
        "role": role.as_str(),
        "isActive": active,
        "createdAt": created_at,
        "followers": 0_i64,
        "following": 0_i64,
    };
    if let Some(email) = email {
        document.insert("emailKey", fold(&email));
        document.insert("email", email);
    }
    if let Some(hash) = password_hash {
        document.insert("passwordHash", hash);
    }
    document
}

fn taken_or_failed(failure: StoreError) -> StoreError {
    match duplicate_of(&failure, &["usernameKey", "emailKey"]) {
        Some("usernameKey") => StoreError::Taken("username"),
        Some(_) => StoreError::Taken("email"),
        None => failure,
    }
}

/// An account as login needs it.
pub async fn find(db: &mut Database, filter: Document) -> Result<Option<Account>, StoreError> {
    let query = Query::new(filter).fields(&["username", "name", "role", "isActive", "passwordHash"]);
    db.one(USERS, query, |row| {
        Ok(Account {
            person: row.person()?,
            role: row.word("role")?,
            active: row.flag("isActive")?,
            password_hash: row.optional("passwordHash", Row::string)?,
        })
    })
    .await
}

async fn profile(db: &mut Database, filter: Document) -> Result<Option<Profile>, StoreError> {
    db.one(USERS, Query::new(filter).fields(PROFILE), read_profile).await
}

async fn change_profile(
    db: &mut Database,
    user: UserId,
    change: ProfileChange,
) -> Result<Profile, StoreError> {
    let ProfileChange { name, bio, avatar } = change;
    let mut fields = Document::new();
    fields.extend(name.map(|name| ("name".to_owned(), name.into())));
    fields.extend(bio.map(|bio| ("bio".to_owned(), bio.into())));
    fields.extend(avatar.map(|avatar| ("avatar".to_owned(), avatar.map_or(Bson::Null, Bson::from))));
    if fields.is_empty() {
        return profile(db, doc! { "_id": user }).await?.ok_or(StoreError::Missing("user"));
    }
    let changed =
        db.update_and_read(USERS, doc! { "_id": user }, doc! { "$set": fields }, read_profile).await?;
    changed.ok_or(StoreError::Missing("user"))
}

async fn people(db: &mut Database, users: Vec<UserId>) -> Result<Vec<Person>, StoreError> {
    let found = db.people(users.clone()).await?;
    Ok(users.iter().filter_map(|user| found.get(user).cloned()).collect())
}

fn read_profile(row: &Row<'_>) -> Result<Profile, StoreError> {
    Ok(Profile {
        person: row.person()?,
        role: row.word("role")?,
        active: row.flag("isActive")?,
        bio: row.optional("bio", Row::string)?.unwrap_or_default(),
        avatar: row.optional("avatar", Row::id)?,
        created_at: row.time("createdAt")?,
        followers: row.count("followers")?,
        following: row.count("following")?,
    })
}
