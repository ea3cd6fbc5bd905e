//! What a process that makes load says of itself, once a second.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::accounts::Accounts;
use super::tally::Tally;
use super::vitals::Vitals;

/// Between two beats.
pub const BEAT: Duration = Duration::from_secs(1);

/// What was done since the beat before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beat {
    /// The second of the load that ended with it, from 0.
    pub second: u32,
    /// What was counted and timed since the beat before.
    pub tally: Tally,
    /// Users within an iteration, now.
    pub active: u32,
    /// Iterations begun, since the start.
    pub begun: u64,
    /// Users that a mistake of the generator ended, since the start.
    pub broken_users: u32,
    /// The payload that had no row left for somebody.
    pub spent: Option<String>,
    /// How the process is.
    pub vitals: Vitals,
    /// With the last one: what can only be told at the end.
    pub accounts: Option<Box<Accounts>>,
    /// With the last one: how long this process made load.
    pub measured: Option<Duration>,
}
