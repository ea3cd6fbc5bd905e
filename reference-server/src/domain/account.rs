//! Accounts: as they are created, as login needs them, as others see them.

use serde::Serialize;

use super::{Person, Timestamp};

/// An account about to be created.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Who it will be.
    pub person: Person,
    /// Absent for guests.
    pub email: Option<String>,
    /// argon2id in PHC notation; absent for guests, who cannot log in again.
    pub password_hash: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// An account as login needs it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who it is.
    pub person: Person,
    /// argon2id in PHC notation, absent for guests.
    pub password_hash: Option<String>,
}

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// When the account was created.
    pub created_at: Timestamp,
    /// Accounts that follow this one.
    pub followers: u64,
    /// Accounts that this one follows.
    pub following: u64,
}
