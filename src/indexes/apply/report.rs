//! What a run did.

use schemars::JsonSchema;
use serde::Serialize;

use super::QueryChange;
use crate::indexes::diff::Step;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// Everything was as declared before.
    Nothing,
    /// Everything is as declared now.
    Done,
    /// The operator stopped it; it can go on.
    Interrupted,
}

/// What a run did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// How it ended.
    pub ending: Ending,
    /// Its number in the history of each database.
    pub runs: Vec<String>,
    /// What was done.
    pub steps: Vec<StepReport>,
    /// What it was good for: declared queries before and after.
    pub queries: Vec<QueryChange>,
}

/// A step that was done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// What was done.
    #[serde(rename = "do")]
    pub step: Step,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}
