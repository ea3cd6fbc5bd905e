//! Requests and responses.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Settings of the HTTP API.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Time a connection may take to send a complete request head, its idle time included.
    #[serde(with = "Span")]
    pub head_timeout: Duration,
    /// Time a request may take, from its head to its response head.
    #[serde(with = "Span")]
    pub request_timeout: Duration,
    /// Largest JSON body accepted.
    #[schemars(range(min = 1_024))]
    pub max_body_bytes: usize,
    /// Compression of responses.
    pub compression: Compression,
    /// Whether responses to GET carry an `ETag`, and 304 answers `If-None-Match`.
    pub etag: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            max_body_bytes: 64 * 1024,
            compression: Compression::default(),
            etag: false,
        }
    }
}

/// Brotli and gzip, by the client's preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Compression {
    /// Whether responses are compressed.
    pub enabled: bool,
    /// Smallest body that is.
    pub threshold_bytes: u16,
    /// 1 (fast) to 9 (small).
    #[schemars(range(min = 1, max = 9))]
    pub level: u8,
}

impl Default for Compression {
    fn default() -> Self {
        Self { enabled: false, threshold_bytes: 1_024, level: 6 }
    }
}
