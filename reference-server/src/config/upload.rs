//! Files that users send.

use std::time::Duration;

/// Settings of the uploads.
#[derive(Debug, Clone)]
pub struct UploadSettings {
    /// Largest file.
    pub max_bytes: usize,
    /// Files that one user may keep.
    pub max_per_user: u64,
    /// Time that a file may take to arrive.
    pub request_timeout: Duration,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { max_bytes: 5 * 1024 * 1024, max_per_user: 1_000, request_timeout: Duration::from_secs(60) }
    }
}
