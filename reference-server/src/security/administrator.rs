//! The administrator of the settings: there from the start, with this password.

use secrecy::{ExposeSecret, SecretString};

use super::Passwords;
use crate::domain::{NewAccount, Person, Role, Timestamp, UserId, Validator};
use crate::error::StartError;
use crate::store::{Store, StoreError};

/// Why there is no administrator.
#[derive(Debug, thiserror::Error)]
pub enum NoAdministrator {
    /// The name or the password breaks the rules for accounts.
    #[error("{0}")]
    Invalid(String),
    /// The password could not be hashed or checked.
    #[error(transparent)]
    Password(#[from] super::PasswordError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NoAdministrator> for StartError {
    fn from(cause: NoAdministrator) -> Self {
        Self::Administrator(cause.to_string())
    }
}

/// Makes the administrator, or gives the account of this name the role and the password. Nothing is written when
/// all is as it should be, so that instances that start together do not end each other's sessions.
pub async fn ensure(
    store: &dyn Store,
    passwords: &Passwords,
    (username, password): &(String, SecretString),
) -> Result<(), NoAdministrator> {
    let password = password.expose_secret();
    let invalid = |errors: Vec<crate::domain::FieldError>| {
        let told: Vec<_> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
        NoAdministrator::Invalid(told.join("; "))
    };
    Validator::default().username(username).password(password).finish().map_err(invalid)?;
    if let Some(account) = store.find_account(username).await? {
        let is_set = account.active && account.role == Role::Admin;
        if is_set && passwords.verify(password.to_owned(), account.password_hash).await? {
            return Ok(());
        }
    }
    let password_hash = Some(passwords.hash(password.to_owned()).await?);
    let name = username.as_str().into();
    let person = Person { id: UserId::new(), username: username.as_str().into(), name };
    let (role, created_at) = (Role::Admin, Timestamp::now());
    let account = NewAccount { person, role, active: true, email: None, password_hash, created_at };
    Ok(store.put_administrator(account).await?)
}
