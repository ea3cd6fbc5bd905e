//! Files that users send.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Settings of the uploads.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UploadSettings {
    /// Largest file.
    #[schemars(range(min = 1))]
    pub max_bytes: usize,
    /// Files that one user may keep.
    pub max_per_user: u64,
    /// Time that a file may take to arrive.
    #[serde(with = "Span")]
    pub request_timeout: Duration,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { max_bytes: 5 * 1024 * 1024, max_per_user: 1_000, request_timeout: Duration::from_secs(60) }
    }
}
