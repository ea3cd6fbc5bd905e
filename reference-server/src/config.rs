//! What a server is started with. Every value has a default that suits one small machine.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one server process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the SQLite store lives: a directory (created when missing), or a file ending in `.db`.
    pub data: PathBuf,
    /// When a write is acknowledged.
    pub durability: Durability,
    /// Connections served at the same time. More are answered with 503 and `Retry-After`.
    pub max_connections: usize,
    /// Time that requests and sockets get to end after the shutdown future resolves; then they are cut.
    pub drain_deadline: Duration,
    /// Time a connection may take to send a complete request head, its idle time included.
    pub head_timeout: Duration,
    /// Time a request may take, from its head to its response head.
    pub request_timeout: Duration,
    /// Largest JSON body accepted over HTTP.
    pub max_body_bytes: usize,
    /// Time that a chess room lives after its last move or visitor.
    pub room_ttl: Duration,
    /// Time that a room is kept once it has ended or everybody has left it.
    pub orphan_ttl: Duration,
    /// Life of an access token.
    pub token_ttl: Duration,
    /// Cost of a password hash.
    pub password: PasswordCost,
    /// Engine.IO and Socket.IO settings.
    pub socket: SocketSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("scalectl-data"),
            durability: Durability::Full,
            max_connections: 10_000,
            drain_deadline: Duration::from_secs(10),
            head_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            max_body_bytes: 64 * 1024,
            room_ttl: Duration::from_secs(3_600),
            orphan_ttl: Duration::from_secs(60),
            token_ttl: Duration::from_secs(15 * 60),
            password: PasswordCost::default(),
            socket: SocketSettings::default(),
        }
    }
}

/// When the store acknowledges a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After an fsync: survives a power cut. Writes queued together share one.
    Full,
    /// After the write reached the operating system: survives `kill -9`, not a power cut.
    Process,
}

/// Parameters of argon2id. The default is the OWASP minimum: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes computed side by side.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// Engine.IO and Socket.IO settings.
#[derive(Debug, Clone)]
pub struct SocketSettings {
    /// Time between two pings of the server.
    pub ping_interval: Duration,
    /// Time that a client may take to answer a ping.
    pub ping_timeout: Duration,
    /// Largest payload of a polling request, and largest WebSocket message.
    pub max_payload_bytes: usize,
    /// Read buffer of one WebSocket. It is held for as long as the socket lives.
    pub read_buffer_bytes: usize,
    /// Packets that wait for a slow client before further ones are dropped.
    pub max_queued_packets: usize,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload_bytes: 1_000_000,
            read_buffer_bytes: 1_024,
            max_queued_packets: 256,
        }
    }
}
