//! What the checks before a migration found.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::phases::{PhasePlan, phases};
use crate::exit::Exit;
use crate::state::Target;

/// What a check means for the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// As it should be.
    Well,
    /// Something to know before it begins.
    Told,
    /// The migration would lose data, or could not be finished.
    Refused,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// The server or the instance; empty: all.
    pub of: String,
    /// What it means.
    pub standing: Standing,
    /// The evidence.
    pub found: String,
    /// What repairs it, or is to be minded; empty when all is well.
    pub repair: String,
}

impl Check {
    /// As it should be.
    pub fn well(name: &'static str, of: &str, found: impl Into<String>) -> Self {
        Self { name, of: of.to_owned(), standing: Standing::Well, found: found.into(), repair: String::new() }
    }

    /// Something to know.
    pub fn told(name: &'static str, of: &str, found: impl Into<String>, mind: impl Into<String>) -> Self {
        Self { standing: Standing::Told, repair: mind.into(), ..Self::well(name, of, found) }
    }

    /// Something to repair.
    pub fn refused(
        name: &'static str,
        of: &str,
        found: impl Into<String>,
        repair: impl Into<String>,
    ) -> Self {
        Self { standing: Standing::Refused, repair: repair.into(), ..Self::well(name, of, found) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Well => "well",
            Standing::Told => "told",
            Standing::Refused => "refused",
        };
        let of = if self.of.is_empty() { String::new() } else { format!(" of {}", self.of) };
        write!(f, "{standing}: {}{of}: {}", self.name, self.found)
    }
}

/// All checks, and what would follow.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreflightReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The address of Redis, without its password.
    pub target: String,
    /// Whether the migration may not begin.
    pub refused: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The phases, in their order.
    pub phases: Vec<PhasePlan>,
}

impl PreflightReport {
    /// Of these checks.
    pub fn new(target: &Target, checks: Vec<Check>) -> Self {
        let refused = checks.iter().any(|check| check.standing == Standing::Refused);
        let (schema, target) = ("scalectl.state.plan/1", target.url.to_string());
        Self { schema, target, refused, checks, phases: phases() }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        if self.refused { Exit::Refused } else { Exit::Done }
    }
}
