//! Proves that Redis has what the instances' memory has, while requests run.
//!
//! Instances are asked for [digests](state_map::verify::Digests) of what they own, Redis is read whole and summed up
//! the same way ([`round`]), only buckets that differ are looked at key by key, and a difference counts when it
//! persists unchanged ([`settle`]). `docs/state-verification.md` says what each class means.

pub mod baseline;
pub mod class;
mod descend;
mod draft;
pub mod evidence;
pub mod inquire;
pub mod invariant;
mod look;
pub mod maps;
mod persist;
pub mod report;
mod round;
mod sample;
pub mod scan;
pub mod servers;
mod settle;
pub mod stored;
mod tally;

use std::path::PathBuf;
use std::time::Duration;

use baseline::Baseline;
use invariant::Rule;
use maps::MapName;
pub use report::VerifyReport;
use servers::Servers;

use super::{StateError, Target};

/// How a verification is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a difference has to persist unchanged.
    pub settle: Duration,
    /// How far apart expiries may be.
    pub ttl_tolerance: Duration,
    /// How long an instance may take to answer.
    pub patience: Duration,
    /// Maps that the operator names; others are told by the instances.
    pub maps: Vec<MapName>,
    /// Invariants across keys.
    pub invariants: Vec<Rule>,
    /// What an earlier verification saw.
    pub baseline: Option<Baseline>,
    /// Where a sample for a later one is written.
    pub save_baseline: Option<PathBuf>,
    /// Keys that the report shows at most.
    pub samples: usize,
    /// Whether values are shown.
    pub show_values: bool,
}

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Redis is read.
    Reading {
        /// Keys so far.
        keys: u64,
        /// Bytes of their values.
        bytes: u64,
        /// Names in Redis: two for each key, and those of others.
        names: u64,
        /// Names that were gone over.
        gone_over: u64,
    },
    /// Keys that differ are looked at again.
    Settling {
        /// How many.
        keys: usize,
    },
}

/// Sees what goes on.
pub type Watcher<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Compares everything once. None when no migration is under way: there is nothing to compare.
pub async fn verify(
    target: &Target,
    settings: &Settings,
    watcher: Watcher<'_>,
) -> Result<Option<VerifyReport>, StateError> {
    let servers = Servers::connect(target.clone()).await?;
    let port = target.port()?;
    round::Round { servers: &servers, port: &port, settings, watcher }.run().await
}
