//! What a verification found.

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::Finding;
use crate::exit::Exit;
use crate::indexes::live::Role;
use crate::indexes::spec::Unmanaged;

/// What a proof comes to. The order is that of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Proved.
    Passed,
    /// Neither proved nor disproved.
    Inconclusive,
    /// Disproved.
    Failed,
}

impl Verdict {
    /// The exit code.
    pub fn exit(self) -> Exit {
        match self {
            Self::Passed => Exit::Done,
            Self::Inconclusive => Exit::Inconclusive,
            Self::Failed => Exit::Failed,
        }
    }

    /// The worst of several; `None` of none.
    pub fn worst(of: impl IntoIterator<Item = Self>) -> Option<Self> {
        of.into_iter().max()
    }
}

/// A verification of a whole specification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The worst of the proofs; inconclusive when there was nothing to prove.
    pub verdict: Verdict,
    /// The file of the specification.
    pub spec: String,
    /// SHA-256 of its text.
    pub spec_hash: String,
    /// What it was held against.
    pub deployment: DeploymentReport,
    /// The collections, in the order of the specification.
    pub collections: Vec<CollectionProof>,
    /// What could not be asked; judged nowhere.
    pub notes: Vec<String>,
}

/// What a specification was held against.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentReport {
    /// Its address without the password.
    pub address: String,
    /// `standalone`, `replica set rs0` or `sharded cluster`.
    pub topology: String,
    /// The version it says it is.
    pub version: String,
    /// The members that were asked: all that hold data.
    pub members: Vec<MemberReport>,
}

/// A member that was asked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberReport {
    /// `host:port`.
    pub address: String,
    /// What it does in its set.
    pub role: Role,
    /// Its shard, in a sharded cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
}

/// What was proved of one collection.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectionProof {
    /// Its database.
    pub database: String,
    /// Its name.
    pub collection: String,
    /// The worst of what follows.
    pub verdict: Verdict,
    /// What is wrong with the collection itself; each fails the verification.
    pub problems: Vec<String>,
    /// Its declared indexes.
    pub indexes: Vec<IndexProof>,
    /// Indexes that must be gone and are not; each fails the verification.
    pub still_there: Vec<FoundIndex>,
    /// What becomes of indexes that the specification does not name.
    pub unmanaged_policy: Unmanaged,
    /// Indexes that the specification does not name; judged nowhere.
    pub unmanaged: Vec<FoundIndex>,
    /// Its declared queries.
    pub queries: Vec<QueryProof>,
}

impl CollectionProof {
    /// The worst of its parts; `None` when it has none.
    pub fn judged(&self) -> Option<Verdict> {
        let failed = |is_bad: bool| is_bad.then_some(Verdict::Failed);
        let indexes = self.indexes.iter().map(|index| index.verdict);
        let queries = self.queries.iter().map(|query| query.verdict);
        let bad = failed(!self.problems.is_empty() || !self.still_there.is_empty());
        Verdict::worst(indexes.chain(queries).chain(bad))
    }
}

/// An index that members list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundIndex {
    /// Its name.
    pub name: String,
    /// Its keys and options, as the first member lists them.
    pub definition: String,
    /// The members that have it.
    pub members: Vec<String>,
    /// The members that have the collection, and not this index.
    pub missing_on: Vec<String>,
}

/// What was proved of one declared index.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexProof {
    /// Its declared name.
    pub index: String,
    /// The line of the specification that declares it.
    pub line: usize,
    /// Its declared keys and options.
    pub definition: String,
    /// Passed when every member that holds the collection has it as declared.
    pub verdict: Verdict,
    /// Member by member.
    pub members: Vec<MemberProof>,
}

/// How one member has a declared index.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberProof {
    /// `host:port`.
    pub member: String,
    /// How it has it.
    pub state: MemberState,
    /// The name under which it lists it, when that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_as: Option<String>,
    /// In what it differs.
    pub differences: Vec<Difference>,
    /// How often it was used; evidence that is judged nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// How a member has a declared index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MemberState {
    /// As declared.
    Present,
    /// This shard does not hold the collection, others do.
    NotOnThisShard,
    /// Not at all.
    Missing,
    /// With other keys, options or, where the name was declared, another name.
    Different,
    /// As declared, but hidden from the planner.
    Hidden,
    /// It is being built.
    Building,
}

/// One thing in which a declared index and a listed one differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `name`, `keys`, or the option.
    pub of: String,
    /// As declared; none when it is not set.
    pub declared: Option<String>,
    /// As listed; none when it is not set.
    pub found: Option<String>,
}

/// How often an index was used, as `$indexStats` counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Operations that used it.
    pub operations: u64,
    /// From when on they were counted; it begins anew when the server starts or the index is changed.
    pub since: Option<String>,
}

/// What was proved of one declared query, by the worst of its samples.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryProof {
    /// Its name.
    pub query: String,
    /// The line of the specification that declares it.
    pub line: usize,
    /// `find`, `aggregate`, `count`, `distinct`, `update` or `delete`.
    pub operation: &'static str,
    /// Passed when nothing was found.
    pub verdict: Verdict,
    /// The index that must serve it, where one is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_index: Option<String>,
    /// The indexes that the winning plan uses.
    pub indexes: Vec<String>,
    /// The stages of the winning plan, from the result down to the scan.
    pub stages: Vec<String>,
    /// What was counted; none when the query was not run.
    pub figures: Option<Figures>,
    /// Keys that may be examined for each document returned.
    pub keys_per_returned_limit: f64,
    /// Documents that may be examined for each document returned.
    pub docs_per_returned_limit: f64,
    /// How many sampled documents it was tried with; 0 when its parameters are given or stood in for.
    pub samples: usize,
    /// What is wrong, or was not provable.
    pub findings: Vec<Finding>,
}

/// What the server counted while it ran a query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Documents returned; for a count those counted, for an update or a delete those that match, for an
    /// aggregation those that reach its first stage outside the query planner, or its grouping.
    pub returned: u64,
    /// Keys of indexes examined.
    pub keys_examined: u64,
    /// Documents examined.
    pub docs_examined: u64,
    /// The larger of both for each document returned, of which at least one is assumed.
    pub examined_per_returned: f64,
}

impl Figures {
    /// Figures and what follows from them.
    pub fn new(returned: u64, keys_examined: u64, docs_examined: u64) -> Self {
        let examined = keys_examined.max(docs_examined) as f64;
        let examined_per_returned = examined / returned.max(1) as f64;
        Self { returned, keys_examined, docs_examined, examined_per_returned }
    }
}
