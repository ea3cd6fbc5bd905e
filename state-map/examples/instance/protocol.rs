//! The lines that a process is asked with and answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state_map::Refused;

/// A request. Lists hold numbers that the test makes only once.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Answers the list, or null.
    Get { key: String },
    /// Replaces the list. Answers the one before, or null.
    Set { key: String, list: Vec<u64> },
    /// Answers the list before, or null.
    Append { key: String, item: u64 },
    /// As `append`, but between reading and writing it answers `paused` and waits for the next line, `go`.
    SlowAppend { key: String, item: u64 },
    /// See `slow-append`.
    Go,
    /// Creates a list with `insert_new`. Answers null.
    Insert { key: String, item: u64 },
    /// Answers the list before, or null.
    Delete { key: String },
    /// Deletes the list if it is exactly this one. Answers the list before, or null.
    DeleteIf { key: String, list: Vec<u64> },
    /// Appends in the map that has a merge hook.
    AppendMerged { key: String, item: u64 },
    /// Reads the map that has a merge hook.
    GetMerged { key: String },
    /// A user is online over this socket for so long. Answers the socket before, or null.
    Connect { user: String, socket: String, ttl_ms: u64 },
    /// Renews, if the user is still online over this socket. Answers the socket before, or null.
    Heartbeat { user: String, socket: String, ttl_ms: u64 },
    /// The socket was closed: the user is offline, unless over another one by now. Answers the socket before.
    Disconnect { user: String, socket: String },
    /// The socket of a user, or null.
    Whereis { user: String },
    /// What memory has of a list, without asking anybody.
    Peek { key: String },
    /// How the process stands.
    Status,
    /// Gives all keys back and stops. Answers whether all was written.
    Leave { within_ms: u64 },
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done.
    Ok(Value),
    /// It is not done.
    Refused(String),
    /// It may be done.
    Unknown(String),
    /// It has read, and waits for `go`.
    Paused,
}

impl<T: Serialize> From<Result<T, Refused>> for Answer {
    fn from(outcome: Result<T, Refused>) -> Self {
        match outcome {
            Ok(value) => Self::Ok(json!(value)),
            Err(unknown @ Refused::Unknown(_)) => Self::Unknown(unknown.to_string()),
            Err(refused) => Self::Refused(refused.to_string()),
        }
    }
}
