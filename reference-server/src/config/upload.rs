//! Files that users send.

/// Settings of the uploads.
#[derive(Debug, Clone)]
pub struct UploadSettings {
    /// Largest file.
    pub max_bytes: usize,
    /// Files that one user may keep.
    pub max_per_user: u64,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { max_bytes: 5 * 1024 * 1024, max_per_user: 1_000 }
    }
}
