//! What a verifier asks.

use serde::{Deserialize, Serialize};

use crate::control::Id;
use crate::wire::key::Key;

/// A question to all instances, as JSON in a field of [`Space::inquiry`](crate::wire::key::Space::inquiry).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inquiry {
    /// Its identity: names the field, and the answers.
    pub id: Id,
    /// What is asked.
    pub question: Question,
    /// After this time of Redis' clock nobody waits for an answer.
    pub deadline_ms: u64,
    /// Versions that expire before this time of Redis' clock are counted, and left out of digests: they may be
    /// gone on one side already. In entries they are told.
    pub expiring_before_ms: u64,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Question {
    /// Which maps there are, and how many keys they hold.
    Maps,
    /// The sums of all keys by bucket.
    Digests {
        /// Into how many buckets keys are divided.
        buckets: u32,
    },
    /// Every key of these buckets.
    Entries {
        /// Into how many buckets keys are divided.
        buckets: u32,
        /// The buckets that are asked for.
        of: Vec<u32>,
    },
    /// These keys.
    Keys {
        /// Their names.
        keys: Vec<Key>,
    },
}
