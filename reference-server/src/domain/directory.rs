//! Accounts as lists show them: lawyers to everybody, all to administrators.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Person, PracticeArea, Role, Timestamp};

/// A lawyer as citizens see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lawyer {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// Fields of law, in the order of their declaration.
    pub specializations: Vec<PracticeArea>,
    /// What the lawyer says about the practice.
    pub headline: Option<String>,
}

/// What a lawyer changes about the own entry; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct LawyerChange {
    /// Replaces all fields of law.
    pub specializations: Option<Vec<PracticeArea>>,
    /// Replaces the headline.
    pub headline: Option<String>,
}

/// An account as administrators see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// Absent for guests.
    pub email: Option<String>,
    /// What the account may do.
    pub role: Role,
    /// Whether the account may log in.
    pub active: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Which accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter {
    /// Only those of this role.
    pub role: Option<Role>,
    /// Only those that may log in, or only the others.
    pub active: Option<bool>,
}

/// What an administrator changes about an account; what is absent stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserChange {
    /// The new role.
    pub role: Option<Role>,
    /// Whether the account may log in from now on.
    pub active: Option<bool>,
}
