//! What has to become of one index, with the reason, the risk and the steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::step::Step;
use crate::indexes::index::Index;

/// What has to become of one index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// The declared name, or that of the index that goes.
    pub index: String,
    /// In one word.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What it may do to the service.
    pub risk: Risk,
    /// What makes up the risk.
    pub risks: Vec<String>,
    /// What stands in the way: with any of these the plan cannot be applied.
    pub blockers: Vec<Blocker>,
    /// What is measured or estimated of it.
    pub estimate: Estimate,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// The index before, if there was one.
    pub before: Option<Index>,
    /// The index after, if there will be one.
    pub after: Option<Index>,
}

/// A change in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing serves as this index.
    Create,
    /// An option changes in place.
    Modify,
    /// Another index takes over, without a gap.
    Replace,
    /// The planner must not see it.
    Hide,
    /// It goes.
    Drop,
}

impl Action {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Replace => "replace",
            Self::Hide => "hide",
            Self::Drop => "drop",
        }
    }
}

/// What a change may do to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Metadata, or a build over few documents.
    Low,
    /// A build that will be felt, or queries that may change their plan.
    Medium,
    /// Documents are deleted, writes are refused, or a guarantee ends.
    High,
}

impl Risk {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What stands in the way of a change, and what lifts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// What it is.
    pub what: String,
    /// What to do about it.
    pub help: String,
    /// The flag that allows it all the same, where there is one.
    pub flag: Option<String>,
}

impl Blocker {
    /// Something that has to be mended first.
    pub fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into(), flag: None }
    }

    /// Something that a flag allows.
    pub fn unless(flag: &str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { flag: Some(flag.to_owned()), ..Self::new(what, help) }
    }
}

/// What is measured or estimated of a change; everything is left out that was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Documents in the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    /// Size of the new index in bytes, from a sample of documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_bytes: Option<u64>,
    /// Disk space that the build needs at its height, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// How long the build takes, in seconds, at 100,000 documents a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_seconds: Option<f64>,
    /// Documents that a TTL would delete at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_documents: Option<u64>,
    /// Groups of documents with the same key, where the index must be unique.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<DuplicateGroup>,
}

/// Documents with the same key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DuplicateGroup {
    /// How many there are.
    pub count: u64,
    /// The `_id` of some of them, as Extended JSON.
    pub ids: Vec<String>,
}
