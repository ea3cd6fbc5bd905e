//! Accounts: as they are created, as login needs them, as others see them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Person, Timestamp, UploadId};

/// What an account may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asks for help.
    #[default]
    Citizen,
    /// Gives it.
    Lawyer,
    /// Keeps the place in order.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: &[Self] = &[Self::Citizen, Self::Lawyer, Self::Admin];

    /// The word for it, in JSON and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Lawyer => "lawyer",
            Self::Admin => "admin",
        }
    }
}

/// A word that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is citizen, lawyer or admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        Self::ALL.iter().copied().find(|role| role.as_str() == word).ok_or(UnknownRole)
    }
}

/// An account about to be created.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Who it will be.
    pub person: Person,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub active: bool,
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
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub active: bool,
    /// argon2id in PHC notation, absent for guests.
    pub password_hash: Option<String>,
}

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub active: bool,
    /// What it says about itself, perhaps nothing.
    pub bio: String,
    /// Its picture.
    pub avatar: Option<UploadId>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// Accounts that follow this one.
    pub followers: u64,
    /// Accounts that this one follows.
    pub following: u64,
}

/// What an account changes about itself; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// Another display name.
    pub name: Option<String>,
    /// Other words about itself.
    pub bio: Option<String>,
    /// Another picture, or none any more.
    pub avatar: Option<Option<UploadId>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_the_same_word_everywhere() {
        for role in [Role::Citizen, Role::Lawyer, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!("Admin".parse::<Role>(), Err(UnknownRole));
    }
}
