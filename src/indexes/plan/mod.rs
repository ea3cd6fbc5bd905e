//! A plan: the difference between a specification and a deployment, with what is measured of each change.
//!
//! It is bound to the specification, the deployment and the state of the indexes by their hashes; `apply` refuses it
//! when one of them has changed. [`gather`] asks the server for what the pure difference cannot know.

mod ability;
pub mod file;
mod gather;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use gather::measure;

use super::IndexError;
use super::capability::Probe;
use super::diff::{Change, Note, Rules, diff};
use super::live::{Deployment, LiveDatabase, read_database};
use super::spec::{DatabaseSpec, Spec};
use crate::clock::now;

/// What the operator allows beyond the ordinary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allowances {
    /// An index may be missing for the time of a build.
    pub gap: bool,
    /// A TTL may delete documents that are old already.
    pub deletes: bool,
    /// The server may accept options that it does not enforce.
    pub degraded: bool,
    /// How long an index stays hidden before it is dropped, in seconds, instead of the specification's.
    pub soak_seconds: Option<u64>,
}

/// What has to be done, and what it was worked out from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this layout.
    pub schema: String,
    /// SHA-256 of everything below, in hexadecimal.
    pub hash: String,
    /// The scalectl that made it.
    pub tool: String,
    /// When, in RFC 3339.
    pub made_at: String,
    /// The deployment.
    pub deployment: PlannedDeployment,
    /// The specification.
    pub spec: PlannedSpec,
    /// SHA-256 of the state of the declared collections, by database.
    pub states: BTreeMap<String, String>,
    /// What was allowed.
    pub allowed: Allowances,
    /// What changes, in this order.
    pub changes: Vec<Change>,
    /// What stays and should be known.
    pub notes: Vec<Note>,
}

/// The deployment for which a plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedDeployment {
    /// What tells it from another.
    pub fingerprint: String,
    /// Its version.
    pub version: String,
    /// Its members.
    pub members: Vec<String>,
}

/// The specification for which a plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedSpec {
    /// The file's name.
    pub name: String,
    /// SHA-256 of its text, in hexadecimal.
    pub hash: String,
}

/// The layout that this version writes and reads.
pub const SCHEMA: &str = "scalectl.indexes.plan/1";

impl Plan {
    /// Works out what has to be done. Changes nothing.
    pub async fn make(
        deployment: &Deployment,
        spec: &Spec,
        allowed: &Allowances,
        probe: &Probe,
    ) -> Result<Self, IndexError> {
        let mut plan = Self {
            schema: SCHEMA.to_owned(),
            hash: String::new(),
            tool: format!("scalectl {}", env!("CARGO_PKG_VERSION")),
            made_at: now(),
            deployment: PlannedDeployment {
                fingerprint: deployment.fingerprint.clone(),
                version: deployment.version_text.clone(),
                members: deployment.members.iter().map(|member| member.address.clone()).collect(),
            },
            spec: PlannedSpec { name: spec.name.clone(), hash: spec.hash.clone() },
            states: BTreeMap::new(),
            allowed: allowed.clone(),
            changes: Vec::new(),
            notes: Vec::new(),
        };
        for database in &spec.databases {
            let live = read_declared(deployment, database).await?;
            plan.states.insert(database.name.clone(), state_hash(database, &live));
            let difference = diff(database, &live, rules(deployment, spec, allowed));
            plan.changes.extend(difference.changes);
            plan.notes.extend(difference.notes);
        }
        ability::judge(deployment, allowed, probe, &mut plan.changes).await?;
        measure(deployment, allowed, &mut plan.changes).await?;
        plan.hash = plan.compute_hash();
        Ok(plan)
    }

    /// Whether anything stands in the way.
    pub fn is_blocked(&self) -> bool {
        self.changes.iter().any(|change| !change.blockers.is_empty())
    }

    /// SHA-256 of everything but the hash itself.
    pub fn compute_hash(&self) -> String {
        let unhashed = Self { hash: String::new(), ..self.clone() };
        // Texts, numbers and lists: nothing that could fail to be written.
        crate::digest::sha256(&serde_json::to_vec(&unhashed).unwrap_or_default())
    }
}

/// Reads the indexes of the declared collections.
pub async fn read_declared(
    deployment: &Deployment,
    database: &DatabaseSpec,
) -> Result<LiveDatabase, IndexError> {
    let is_declared = |name: &str| database.collections.iter().any(|collection| collection.name == name);
    read_database(deployment, &database.name, is_declared).await
}

/// SHA-256 of the state of the declared collections.
pub fn state_hash(database: &DatabaseSpec, live: &LiveDatabase) -> String {
    live.hash(database.collections.iter().map(|collection| collection.name.as_str()))
}

/// The rules under which a difference is worked out.
pub fn rules(deployment: &Deployment, spec: &Spec, allowed: &Allowances) -> Rules {
    let soak = allowed.soak_seconds.map_or(spec.soak, Duration::from_secs);
    Rules { version: deployment.version, soak, allow_gap: allowed.gap }
}
