//! Redis and what is asked of it. All of it is optional at any moment: what needs Redis falls back to this
//! process while Redis is away.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use state_map::wire::key::Space;

use super::{Secret, Span};

/// How Redis is reached, and its use for state that all instances share.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RedisSettings {
    /// `redis://`, `rediss://`, `redis+sentinel://host:port,host:port/master` or `redis+cluster://host:port,…`.
    #[serde(with = "Secret")]
    pub url: SecretString,
    /// Time one command may take. It is short: behind it, a user waits.
    #[serde(with = "Span")]
    pub timeout: Duration,
    /// Failures in a row after which the circuit opens and commands fail at once.
    #[schemars(range(min = 1))]
    pub failures_to_open: u32,
    /// Time between two attempts to close it.
    #[serde(with = "Span")]
    pub retry_interval: Duration,
    /// Where presence and games live.
    pub state: StateHome,
    /// Name under which the operator steers them while they are migrating.
    pub state_namespace: String,
    /// Whether Socket.IO events reach the sockets of other instances.
    pub adapter: bool,
}

impl RedisSettings {
    /// The defaults for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            timeout: Duration::from_millis(500),
            failures_to_open: 3,
            retry_interval: Duration::from_secs(1),
            state: StateHome::Redis,
            state_namespace: Space::DEFAULT.to_owned(),
            adapter: true,
        }
    }
}

/// Without a URL, which then has to come from elsewhere: the command line, say.
impl Default for RedisSettings {
    fn default() -> Self {
        Self::new("")
    }
}

/// Where presence and game state live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StateHome {
    /// In this process: lost with it, unknown to others.
    Memory,
    /// In Redis, with a copy in the process that serves the room.
    Redis,
    /// On the way from the one to the other, as `scalectl migrate state` steers it: at first in this process.
    Migrating,
}
