//! The Redis that state moves to, and the names of the keys that steer the migration.

use std::sync::Arc;
use std::time::Duration;

use state_map::redis::{ConnectError, RedisPort, RedisSettings};
use state_map::wire::key::Space;

use super::StateError;
use crate::clients::SecretUrl;
use crate::clients::redis::Link;

/// Of the time that a call may take, this part is for waiting for replicas.
pub const REPLICATION_SHARE: u32 = 2;

/// The Redis that state moves to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its address; may hold a password.
    pub url: SecretUrl,
    /// The name under which the migration is steered.
    pub namespace: String,
    /// Time that connecting, or one answer, may take.
    pub timeout: Duration,
}

impl Target {
    /// Names of the keys that steer.
    pub fn space(&self) -> Space {
        Space::new(&self.namespace)
    }

    /// The port for the protocol's calls.
    pub fn port(&self) -> Result<Arc<RedisPort>, StateError> {
        let settings = RedisSettings {
            url: self.url.expose().to_owned(),
            space: self.space(),
            timeout: self.timeout,
            replicate_within: self.timeout / REPLICATION_SHARE,
        };
        RedisPort::new(settings).map_err(|error| match error {
            ConnectError::Malformed => StateError::Url { url: self.url.to_string() },
            ConnectError::Unreachable(message) => {
                StateError::Server { who: self.url.to_string(), doing: "connect".to_owned(), message }
            }
        })
    }

    /// A connection for commands that the protocol does not have.
    pub async fn connect(&self) -> Result<Link, StateError> {
        let connected = Link::connect(&self.url, self.timeout).await;
        connected.map_err(|error| self.fault("connect", &error))
    }

    /// A driver's error while `doing` something here.
    pub fn fault(&self, doing: &str, error: &redis::RedisError) -> StateError {
        StateError::driver(&self.url, self.timeout, doing, error)
    }
}
