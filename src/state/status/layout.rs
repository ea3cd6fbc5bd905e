//! The layout of `state.status`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::state::lock::Holder;

/// Where a migration is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The name under which it is steered.
    pub namespace: String,
    /// The Redis that state moves to, without its password.
    pub redis: String,
    /// Identity of the run; none before the first.
    pub run: Option<String>,
    /// The phase in the control record.
    pub phase: &'static str,
    /// Its epoch.
    pub epoch: u64,
    /// The phase that the last step may be undone to at once.
    pub undo: Option<&'static str>,
    /// Whether another server has taken over since the last change, or it has restarted.
    pub failed_over: bool,
    /// Replicas that must have a durable write.
    pub replicas_wanted: u32,
    /// Replicas that are connected.
    pub replicas_connected: u32,
    /// The instances by name.
    pub instances: Vec<InstanceReport>,
    /// Incarnations that do not count any more.
    pub dropped: Vec<DroppedReport>,
    /// All instances together.
    pub totals: CountsReport,
    /// Keys with two values of which nobody has decided.
    pub conflicts: u64,
    /// How far the backfill is; none in other phases.
    pub backfill: Option<BackfillReport>,
    /// The last verification, when it was of this phase.
    pub verification: Option<VerificationReport>,
    /// The next step forward; none in `done`.
    pub next: Option<GateReport>,
    /// The step back; none where there is no way back.
    pub back: Option<GateReport>,
    /// The journal.
    pub journal: JournalReport,
    /// Who steers now.
    pub operator: Option<Holder>,
}

/// One instance.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// Its name.
    pub name: String,
    /// Identity of its process.
    pub incarnation: String,
    /// The phase that it serves.
    pub serving: &'static str,
    /// The epoch that it has acknowledged.
    pub acknowledged_epoch: u64,
    /// Whether that is the record's change, on the server that is there now.
    pub acknowledged: bool,
    /// What it waits for before it acknowledges.
    pub waiting_for: Option<String>,
    /// Milliseconds since it was last heard of.
    pub seen_ms_ago: u64,
    /// Whether its lease is over.
    pub silent: bool,
    /// How far its clock is from Redis' clock, in milliseconds.
    pub clock_off_by_ms: i64,
    /// Clean rounds of compares in a row.
    pub clean_rounds: u64,
    /// What it counts.
    #[serde(flatten)]
    pub counts: CountsReport,
}

/// What instances count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountsReport {
    /// Keys with a value in memory.
    pub held: u64,
    /// Keys owned.
    pub owned: u64,
    /// Owned keys of which Redis has the newest version.
    pub stored: u64,
    /// Keys in the repair queue: Redis has to be told of them.
    pub owed: u64,
    /// Keys held since before the run that are not claimed yet.
    pub unclaimed: u64,
    /// Sampled compares.
    pub compared: u64,
    /// Writes that Redis has accepted.
    pub writes: u64,
    /// Bytes written to Redis.
    pub bytes: u64,
    /// Requests that were refused for want of Redis.
    pub unavailable: u64,
    /// Differences by their class.
    pub differences: Differences,
}

/// Differences by their class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Differences {
    /// Compares that differed and did not settle.
    pub unsettled: u64,
    /// Second copies of which nobody has decided.
    pub conflicts: u64,
    /// Values that were gone although their record says they are there: evicted or deleted by others.
    pub vanished: u64,
    /// Writes that were refused because their sender is superseded.
    pub superseded: u64,
}

/// An incarnation that does not count any more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DroppedReport {
    /// The instance's name.
    pub name: String,
    /// Identity of its process.
    pub incarnation: String,
    /// `stopped`, `succeeded` or `lapsed`.
    pub proof: &'static str,
    /// How many milliseconds ago.
    pub ms_ago: u64,
}

/// How far the backfill is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackfillReport {
    /// Keys of which Redis has the newest version.
    pub stored: u64,
    /// Keys in all.
    pub keys: u64,
    /// Keys a second; none until it is measured.
    pub keys_per_second: Option<f64>,
    /// Bytes a second.
    pub bytes_per_second: Option<f64>,
    /// Time left at this rate, in seconds.
    pub seconds_left: Option<f64>,
}

/// A verification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationReport {
    /// `pass`, `fail` or `inconclusive`.
    pub outcome: &'static str,
    /// What was compared.
    pub summary: String,
    /// How many milliseconds ago it ended.
    pub ms_ago: u64,
}

/// Whether a step may be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateReport {
    /// The phase that it leads to.
    pub to: &'static str,
    /// The command that takes it.
    pub command: &'static str,
    /// Whether nothing keeps it from being taken.
    pub open: bool,
    /// What keeps it.
    pub blockers: Vec<BlockerReport>,
}

/// What keeps a step from being taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockerReport {
    /// A stable name of its kind.
    pub kind: &'static str,
    /// The instance that it is about.
    pub instance: Option<String>,
    /// What it is, and what to do about it.
    pub text: String,
    /// Whether it goes away by itself when all is well.
    pub passes: bool,
}

/// The journal in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalReport {
    /// Where it is.
    pub file: String,
    /// Its entries.
    pub entries: usize,
    /// The highest epoch in it.
    pub highest_epoch: u64,
    /// Whether both copies are as they were written, and the same as far as both go.
    pub whole: bool,
}
