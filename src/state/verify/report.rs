//! What a verification found.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::class::Class;
use crate::exit::Exit;

/// What a verification comes to. The order is that of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was compared, and nothing differs.
    Pass,
    /// Not everything could be compared; what was does not differ.
    Inconclusive,
    /// Something differs.
    Fail,
}

impl Verdict {
    /// The exit code.
    pub fn exit(self) -> Exit {
        match self {
            Self::Pass => Exit::Done,
            Self::Inconclusive => Exit::Inconclusive,
            Self::Fail => Exit::Failed,
        }
    }
}

/// What was compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The memory of every instance with Redis, in both directions.
    MemoryAndRedis,
    /// Redis with its own records: from `primary-new` on memory is no authority.
    RedisAlone,
}

/// A verification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// Of this tool.
    pub tool_version: &'static str,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why it is inconclusive; empty when it is not.
    pub reasons: Vec<String>,
    /// The address of Redis, without its password.
    pub target: String,
    /// The run.
    pub run: String,
    /// The phase.
    pub phase: String,
    /// The epoch.
    pub epoch: u64,
    /// What was compared with what.
    pub mode: Mode,
    /// How it was compared.
    pub parameters: Parameters,
    /// How often everything was compared; this report is of the last time.
    pub rounds: u64,
    /// Every write that was acknowledged before this time of Redis' clock, in milliseconds since 1970, is covered.
    pub verified_past_ms: u64,
    /// The instances.
    pub instances: Vec<InstanceReport>,
    /// What was compared, and what was not.
    pub coverage: Coverage,
    /// Keys by class, of classes that have any.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub classes: BTreeMap<Class, u64>,
    /// Some of the keys that differ or could not be compared.
    pub samples: Vec<Sample>,
    /// The invariants.
    pub invariants: Vec<InvariantReport>,
    /// The sample of an earlier verification, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineReport>,
    /// What should be known, and is judged nowhere.
    pub notes: Vec<String>,
    /// How long the last round took, in milliseconds.
    pub took_ms: u64,
    /// Keys read from Redis in each second of its scan.
    pub keys_per_second: u64,
}

/// How keys were compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// How long a difference has to persist unchanged.
    pub settle_ms: u64,
    /// How far apart expiries may be.
    pub ttl_tolerance_ms: u64,
    /// Into how many buckets keys were divided.
    pub buckets: u32,
}

/// What one instance answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// Its name.
    pub name: String,
    /// Its incarnation.
    pub incarnation: String,
    /// Whether it answered every question.
    pub answered: bool,
    /// The phase that it said it serves in; none where it did not answer.
    pub serving: Option<String>,
    /// Keys that it owns.
    pub keys: u64,
    /// The highest sequence that it has of any key: writes up to it are covered.
    pub highest_seq: u64,
}

/// What was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Always all keys; a sample is only taken for baselines.
    pub sampled: bool,
    /// Keys of the maps that Redis has, tombstones included.
    pub keys: u64,
    /// Keys that were compared with an owner's memory, or with their records where memory is no authority.
    pub compared: u64,
    /// Bytes of values that were read from Redis.
    pub bytes: u64,
    /// Names of any kind that were gone over.
    pub names: u64,
    /// Buckets that differed at first and were looked at key by key.
    pub descended_buckets: u64,
    /// Buckets that differed and were not looked at: too many did.
    pub skipped_buckets: u64,
    /// Keys that differed at first and agreed at a later look.
    pub settled: u64,
    /// By map.
    pub maps: Vec<MapCoverage>,
}

/// What was compared of one map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MapCoverage {
    /// Its name.
    pub name: String,
    /// Start of its keys.
    pub prefix: String,
    /// Keys that instances own.
    pub in_memory: u64,
    /// Keys that Redis has.
    pub in_redis: u64,
    /// Keys that were compared.
    pub compared: u64,
    /// Tombstones in Redis.
    pub tombstones: u64,
    /// Keys without a living owner: Redis is their only authority, so their memory cannot differ.
    pub unowned: u64,
    /// Keys that expire too soon.
    pub expiring: u64,
    /// Bytes of values in Redis.
    pub bytes: u64,
}

/// A key that differs or could not be compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The key; of a baseline, the hash of it.
    pub key: String,
    /// Its map.
    pub map: String,
    /// What it is.
    #[schemars(with = "String")]
    pub class: Class,
    /// How long it was seen unchanged, in milliseconds.
    pub unchanged_for_ms: u64,
    /// In words, where the class does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What memory has.
    pub memory: Option<SideReport>,
    /// What Redis has.
    pub redis: Option<SideReport>,
}

/// What one side has of a key. Values are told by their fingerprints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideReport {
    /// The owner's incarnation; empty where there is none.
    pub owner: String,
    /// Place in the order of versions.
    pub seq: u64,
    /// The operation that wrote it.
    pub op: String,
    /// When it expires, in milliseconds since 1970; 0: never.
    pub expires_ms: u64,
    /// Fingerprint of the value; none for a tombstone.
    pub value_hash: Option<String>,
    /// The start of the value, when values were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What was found of one invariant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvariantReport {
    /// The rule.
    pub rule: String,
    /// Whether both of its maps are there; nothing was checked where they are not.
    pub applies: bool,
    /// Keys that it speaks of.
    pub checked: u64,
    /// Keys of which it does not hold.
    pub broken: u64,
}

/// How the sample of an earlier verification was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineReport {
    /// When it was taken, on Redis' clock, in milliseconds since 1970.
    pub taken_at_ms: u64,
    /// Keys in it.
    pub keys: u64,
    /// Keys that went back to an older version, or to another of the same sequence.
    pub went_back: u64,
    /// Keys of which Redis has no record any more. In `done` they may have been deleted; before, it is a loss.
    pub absent: u64,
}
