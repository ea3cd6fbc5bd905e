//! Keys with two values, and the operator's decision which one stays (C6).

use std::collections::BTreeMap;

use redis::{RedisResult, cmd};
use schemars::JsonSchema;
use serde::Serialize;
use state_map::wire::call::Surveyed;
use state_map::wire::key::Key;
use state_map::wire::message::{Conflict, Keep};

use super::{Refusal, StateError, Target};
use crate::clients::redis::Link;
use crate::digest::sha256;

/// Sets a report that is still as it was read, or removes it. ARGV: key, report as it was, report or nothing.
const DECIDE: &str = r"
local found = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if found == ARGV[3] then return 1 end
if found ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 1";

/// A key with two values.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictReport {
    /// The key.
    pub key: String,
    /// Its map.
    pub map: String,
    /// The instance that holds the value which Redis does not have.
    pub instance: String,
    /// That value.
    pub held: Shown,
    /// The value that Redis, or the owner, has; absent when the owner had not written yet.
    pub stored: Option<Shown>,
    /// What was decided: `held` or `stored`.
    pub keep: Option<&'static str>,
}

/// A value of the application: it may be a secret, so only its size and fingerprint are shown unless asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Its length.
    pub bytes: usize,
    /// The first digits of its SHA-256.
    pub fingerprint: String,
    /// The value itself, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// All keys with two values.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflicts {
    /// Version of this layout.
    pub schema: &'static str,
    /// The conflicts in the order of their keys.
    pub conflicts: Vec<ConflictReport>,
}

/// The reports as they are in Redis.
pub type Reports = BTreeMap<String, String>;

/// Reads the reports.
pub async fn read(target: &Target, link: &mut Link) -> Result<Reports, StateError> {
    let read: RedisResult<Reports> = cmd("HGETALL").arg(target.space().conflicts()).query_async(link).await;
    read.map_err(|error| target.fault("read the conflicts", &error))
}

impl Conflicts {
    /// The reports for people and programs; with the values only if they are asked for.
    pub fn of(reports: &Reports, show_values: bool) -> Self {
        let conflicts = reports.iter().filter_map(|(key, text)| {
            let conflict: Conflict = serde_json::from_str(text).ok()?;
            Some(shown(key, conflict, show_values))
        });
        Self { schema: "scalectl.state.conflicts/1", conflicts: conflicts.collect() }
    }
}

fn shown(key: &str, conflict: Conflict, show_values: bool) -> ConflictReport {
    let show = |value: String| Shown {
        bytes: value.len(),
        fingerprint: sha256(value.as_bytes()).chars().take(12).collect(),
        value: show_values.then_some(value),
    };
    let keep = conflict.keep.map(keep_name);
    ConflictReport {
        key: key.to_owned(),
        map: conflict.map,
        instance: conflict.instance,
        held: show(conflict.held),
        stored: conflict.stored.map(show),
        keep,
    }
}

/// The name of a decision in commands and reports.
pub fn keep_name(keep: Keep) -> &'static str {
    match keep {
        Keep::Held => "held",
        Keep::Stored => "stored",
    }
}

/// A key to decide on.
pub struct Undecided<'r> {
    key: &'r Key,
    report: &'r str,
    conflict: Conflict,
    /// Whether the instance that holds the second value is there to carry a decision out.
    is_held: bool,
}

impl<'r> Undecided<'r> {
    /// The report on a key, in view of who is there.
    pub fn find(reports: &'r Reports, key: &'r Key, view: &Surveyed) -> Result<Self, StateError> {
        let report = reports.get(key.value()).ok_or_else(|| gone(key))?;
        let conflict: Conflict = serde_json::from_str(report).map_err(|_| gone(key))?;
        let is_held = view.members.values().any(|member| member.incarnation == conflict.incarnation);
        Ok(Self { key, report, conflict, is_held })
    }

    /// A value whose holder is gone can be written by nobody.
    pub fn refuse_in_vain(&self, keep: Keep) -> Result<(), StateError> {
        if self.is_held || keep == Keep::Stored {
            return Ok(());
        }
        let (key, instance) = (self.key, &self.conflict.instance);
        Err(Refusal::NoConflict(format!(
            "the process of {instance} that held the second value of {key} is gone: nobody is there to write it. Only \
             `--keep stored` is possible; --show-values shows the value, so that the application can write it again"
        ))
        .into())
    }

    /// Decides. The instance that holds the other value carries it out; where it is gone, there is nothing to carry
    /// out, and the report goes.
    pub async fn decide(mut self, target: &Target, link: &mut Link, keep: Keep) -> Result<(), StateError> {
        self.conflict.keep = Some(keep);
        // Reports are plain values: they cannot fail to become JSON.
        let decided = serde_json::to_string(&self.conflict).unwrap_or_default();
        let after = if self.is_held { decided } else { String::new() };
        let mut decide = cmd("EVAL");
        decide.arg(DECIDE).arg(1).arg(target.space().conflicts()).arg(self.key.value());
        decide.arg(self.report).arg(after);
        let decided: RedisResult<bool> = decide.query_async(link).await;
        match decided.map_err(|error| target.fault("decide on a conflict", &error))? {
            true => Ok(()),
            false => Err(gone(self.key).into()),
        }
    }
}

fn gone(key: &Key) -> Refusal {
    Refusal::NoConflict(format!("{key} has no second value now: nothing is to be decided"))
}
