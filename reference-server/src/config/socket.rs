//! Engine.IO and Socket.IO.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Settings of the sockets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SocketSettings {
    /// Time between two pings of the server.
    #[serde(with = "Span")]
    pub ping_interval: Duration,
    /// Time that a client may take to answer a ping.
    #[serde(with = "Span")]
    pub ping_timeout: Duration,
    /// Largest payload of a polling request, and largest WebSocket message.
    #[schemars(range(min = 1_024))]
    pub max_payload_bytes: usize,
    /// Read buffer of one WebSocket. It is held for as long as the socket lives.
    #[schemars(range(min = 256))]
    pub read_buffer_bytes: usize,
    /// Packets that wait for a slow client before further ones are dropped.
    #[schemars(range(min = 1))]
    pub max_queued_packets: usize,
    /// Sockets that one user may have in this process.
    #[schemars(range(min = 1))]
    pub max_per_user: usize,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload_bytes: 1_000_000,
            read_buffer_bytes: 1_024,
            max_queued_packets: 256,
            max_per_user: 20,
        }
    }
}
