//! Messages between instances, and what they leave for the operator.

use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::control::Id;

/// A message in the inbox of an incarnation, as JSON. It may be lost or come twice: whoever sent it asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Message {
    /// `to` wants a key that the receiver owns (published by the claim script when it refuses).
    Wanted {
        /// The key.
        key: Key,
        /// Who wants it.
        to: Id,
    },
    /// The receiver is to take a key that nobody has in memory (published by the operator, before everybody goes back
    /// to memory).
    Adopt {
        /// The key.
        key: Key,
    },
    /// A key that the receiver wanted is free (published by the release script).
    Free {
        /// The key.
        key: Key,
    },
}

/// A key of which an instance held a value when another record or owner was there already (C6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Name of the map.
    pub map: String,
    /// Name of the instance that holds the value which Redis does not have.
    pub instance: String,
    /// Its incarnation.
    pub incarnation: Id,
    /// That value, encoded.
    pub held: String,
    /// What Redis had, encoded; absent when the other owner had not written yet.
    pub stored: Option<String>,
    /// The operator's decision. Absent: none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
}

/// Which of two values stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The one that the instance holds beside Redis.
    Held,
    /// The one that Redis or the owner has.
    Stored,
}
