//! What advice comes to: for people, for programs, and as a patch for the specification.

use schemars::JsonSchema;
use serde::Serialize;

use super::shape::Shape;
use crate::exit::Exit;

/// What is known of an index's use, or of queries, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// `system.profile`.
    Profiler,
    /// `$queryStats`.
    QueryStats,
    /// A log file.
    Log,
    /// `explain`, for operations whose cost no source told.
    Explain,
    /// `$indexStats`.
    IndexStats,
    /// A sample of documents.
    Sample,
}

/// What became of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceState {
    /// It was read.
    Read,
    /// It is not switched on.
    Off,
    /// The server does not have it.
    Missing,
    /// It could not be read.
    Failed,
}

/// What one source gave.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// Which.
    pub source: Source,
    /// The member, the database or the file.
    pub place: String,
    /// What became of it.
    pub state: SourceState,
    /// How many operations, shapes or indexes it told of.
    pub entries: u64,
    /// What could not be read and why, or what to do.
    pub detail: String,
}

/// What the advice comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Something could be better.
    Advice,
    /// Nothing was found.
    NothingFound,
    /// No source told of queries: what is missing cannot be said.
    Inconclusive,
}

/// A query that a proposed index serves.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServedShape {
    /// In one line.
    pub title: String,
    /// What is asked.
    pub shape: Shape,
    /// How many operations were seen.
    pub count: u64,
    /// Their time in milliseconds.
    pub total_ms: f64,
    /// Keys of indexes that they examined.
    pub keys_examined: u64,
    /// Documents that they examined.
    pub docs_examined: u64,
    /// Documents that they returned, changed or deleted.
    pub returned: u64,
    /// How many scanned the collection.
    pub collection_scans: u64,
    /// How many sorted in memory.
    pub memory_sorts: u64,
    /// Whether the numbers were told; otherwise they follow from the shape and the size of the collection.
    pub is_measured: bool,
    /// The greatest limit that was given, when all had one.
    pub limit: Option<i64>,
}

/// An index that is missing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingIndex {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// The name that it would have.
    pub name: String,
    /// Whether that is another than MongoDB would give it, which is taken.
    pub has_own_name: bool,
    /// Its fields in their order, as `field: 1`.
    pub keys: Vec<KeyReport>,
    /// Its collation, as one line of JSON.
    pub collation: Option<String>,
    /// Documents that need not be examined any more, over all that was seen.
    pub docs_saved: u64,
    /// The queries that it serves.
    pub serves: Vec<ServedShape>,
    /// Why its fields are in this order, and what to look at.
    pub reasons: Vec<String>,
    /// Existing indexes that it makes redundant.
    pub replaces: Vec<String>,
}

/// One field of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyReport {
    /// Its path.
    pub field: String,
    /// `1` or `-1`.
    pub direction: i32,
}

/// An index that another makes needless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedundantIndex {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: String,
    /// The index that does its work.
    pub covered_by: String,
    /// Why.
    pub reason: String,
    /// The line of the specification that declares it.
    pub declared_line: Option<usize>,
}

impl RedundantIndex {
    /// It stays when the index that does its work is itself advised against.
    pub fn spare_for_unused(self) -> Spared {
        let Self { database, collection, name, covered_by, .. } = self;
        let reason = format!("not redundant: `{covered_by}` could do its work, and is itself unused");
        Spared { database, collection, name, reason }
    }
}

/// An index that no query used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedIndex {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: String,
    /// How long the youngest of the members' statistics reaches back, in seconds.
    pub statistics_age_seconds: u64,
    /// The members that were read.
    pub members: Vec<String>,
    /// The line of the specification that declares it.
    pub declared_line: Option<usize>,
}

/// An index that was looked at and is not advised against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spared {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Advice on the indexes of a deployment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdviseReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The deployment, without its password.
    pub deployment: String,
    /// The databases that were looked at.
    pub databases: Vec<String>,
    /// What it comes to.
    pub verdict: Verdict,
    /// The sources, with what each gave.
    pub sources: Vec<SourceReport>,
    /// Query shapes that were seen.
    pub shapes_seen: usize,
    /// Indexes that are missing, by what they save.
    pub missing: Vec<MissingIndex>,
    /// Indexes that another makes needless.
    pub redundant: Vec<RedundantIndex>,
    /// Indexes that no query used.
    pub unused: Vec<UnusedIndex>,
    /// Indexes that were looked at and are not advised against.
    pub spared: Vec<Spared>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The advice as a part of a specification (YAML).
    pub patch: Option<String>,
}

impl AdviseReport {
    /// Whether there is anything to do.
    pub fn has_advice(&self) -> bool {
        !(self.missing.is_empty() && self.redundant.is_empty() && self.unused.is_empty())
    }

    /// The exit code; advice is a failure only for those who ask for it.
    pub fn exit(&self, is_detailed: bool) -> Exit {
        match self.verdict {
            Verdict::Inconclusive => Exit::Inconclusive,
            Verdict::Advice if is_detailed => Exit::Failed,
            Verdict::Advice | Verdict::NothingFound => Exit::Done,
        }
    }
}

/// An age in its greatest unit: `12 days`, `5 hours`, `40 minutes`.
pub fn shown_age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        seconds if seconds >= 2 * 86_400 => (seconds / 86_400, "day"),
        seconds if seconds >= 2 * 3_600 => (seconds / 3_600, "hour"),
        seconds if seconds >= 2 * 60 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::shown_age;

    #[test]
    fn ages_are_shown_in_their_greatest_unit() {
        let shown = [1, 90, 180, 3_600 * 5, 86_400 * 30].map(shown_age);
        assert_eq!(shown, ["1 second", "90 seconds", "3 minutes", "5 hours", "30 days"]);
    }
}
