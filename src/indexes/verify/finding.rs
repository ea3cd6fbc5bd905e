//! What is wrong with a declared query, or could not be proved of it.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::Verdict;

/// What is wrong with a query, or could not be proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// What was found, and what helps.
    pub message: String,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FindingKind {
    /// A collection is read from end to end.
    CollectionScan,
    /// The result is sorted in memory.
    InMemorySort,
    /// Another index than the declared one is used.
    OtherIndex,
    /// Too many keys are examined.
    KeysExamined,
    /// Too many documents are examined.
    DocsExamined,
    /// The server refuses the query.
    Refused,
    /// There are no documents to measure with; the plan was judged.
    NothingToMeasure,
    /// It took too long to be measured; the plan was judged.
    TooSlow,
    /// The server does not explain queries as MongoDB does.
    NotProvable,
}

impl FindingKind {
    /// What it makes of the query's verdict.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::CollectionScan
            | Self::InMemorySort
            | Self::OtherIndex
            | Self::KeysExamined
            | Self::DocsExamined
            | Self::Refused => Verdict::Failed,
            Self::NothingToMeasure | Self::TooSlow | Self::NotProvable => Verdict::Inconclusive,
        }
    }
}

impl Finding {
    /// A finding in words.
    pub fn new(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
