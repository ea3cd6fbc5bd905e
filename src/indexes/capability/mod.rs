//! What a server really does with the options of indexes: servers that only resemble MongoDB accept options that
//! they then ignore.
//!
//! [`fingerprint`] says which server it is without writing anything, and [`known`] what that means; [`probe`] makes
//! one index of each class in scratch collections, lists it again and tries whether it acts. [`detect`] does both.

mod class;
mod fingerprint;
mod known;
mod probe;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use class::OptionClass;
pub use fingerprint::Fingerprint;

use super::IndexError;
use super::live::Deployment;

/// Whether scratch collections may be made.
#[derive(Debug, Clone)]
pub enum Probe {
    /// They may. When the token is cancelled, the one in use is dropped, and what was not tried yet is unknown.
    Active(CancellationToken),
    /// Nothing is written; what is known of the server has to do.
    FingerprintOnly,
}

/// What a server makes of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It is kept and acts.
    Supported,
    /// The server says ok, and it is not kept, or does not act.
    NotEnforced,
    /// The server refuses it.
    Rejected,
    /// Nothing can be said.
    Unknown,
}

/// What a server makes of one class, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Capability {
    /// The class.
    pub class: OptionClass,
    /// What the server makes of it.
    pub verdict: Verdict,
    /// The server's number for its refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// What was seen, or the server's words.
    pub evidence: String,
}

/// What a server makes of the classes that were asked for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Version of this layout.
    pub schema: &'static str,
    /// Which server it is.
    pub server: Fingerprint,
    /// The database of the scratch collections; none when nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probed_in: Option<String>,
    /// Scratch collections of runs that were killed, which were dropped.
    pub dropped_left_overs: Vec<String>,
    /// Whether it was interrupted before all classes were tried.
    pub is_interrupted: bool,
    /// The classes.
    pub capabilities: Vec<Capability>,
}

impl Capabilities {
    /// The dangerous ones: accepted, but not enforced.
    pub fn degraded(&self) -> impl Iterator<Item = &Capability> {
        self.with(Verdict::NotEnforced)
    }

    /// Those that the server refuses.
    pub fn rejected(&self) -> impl Iterator<Item = &Capability> {
        self.with(Verdict::Rejected)
    }

    /// Those of which nothing can be said.
    pub fn unknown(&self) -> impl Iterator<Item = &Capability> {
        self.with(Verdict::Unknown)
    }

    fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Capability> {
        self.capabilities.iter().filter(move |capability| capability.verdict == verdict)
    }
}

/// Finds out what a server makes of the classes. Scratch collections are made in `database` only, one at a time,
/// and are dropped whatever happens.
pub async fn detect(
    deployment: &Deployment,
    database: &str,
    classes: &BTreeSet<OptionClass>,
    probe: &Probe,
) -> Result<Capabilities, IndexError> {
    let server = fingerprint::take(deployment).await?;
    let mut found = Capabilities {
        schema: "scalectl.indexes-capabilities/1",
        probed_in: None,
        dropped_left_overs: Vec::new(),
        is_interrupted: false,
        capabilities: Vec::new(),
        server,
    };
    match probe {
        Probe::FingerprintOnly => {
            let known = classes.iter().map(|class| found.server.known(*class, deployment.version));
            found.capabilities = known.collect();
        }
        Probe::Active(stop) => {
            found.dropped_left_overs = probe::drop_left_overs(deployment, database).await?;
            for class in classes {
                found.capabilities.push(probe::run(deployment, database, *class, stop).await?);
            }
            found.probed_in = Some(database.to_owned());
            found.is_interrupted = stop.is_cancelled();
        }
    }
    Ok(found)
}
