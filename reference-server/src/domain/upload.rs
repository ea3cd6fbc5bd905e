//! Files that users send: what is known of them.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::hex;
use super::words::words;
use super::{Timestamp, UploadId, UserId};

words! {
    /// How far the processing of a file has come.
    UploadStatus {
        /// It waits.
        Pending = "pending",
        /// It is done.
        Processed = "processed",
        /// It was given up.
        Failed = "failed",
    }
}

words! {
    /// What a file is, by its content.
    FileType {
        /// PNG.
        Png = "image/png",
        /// JPEG.
        Jpeg = "image/jpeg",
        /// GIF.
        Gif = "image/gif",
        /// WebP.
        Webp = "image/webp",
        /// PDF.
        Pdf = "application/pdf",
    }
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// The file, and its name on disk.
    pub id: UploadId,
    /// Who sent it.
    pub owner: UserId,
    /// The name for display.
    pub name: String,
    /// What it is.
    pub r#type: FileType,
    /// How long it is.
    pub bytes: u64,
    /// The SHA-256 of its content.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub sha256: Sha256,
    /// How far its processing has come.
    pub status: UploadStatus,
    /// When it had arrived.
    pub created_at: Timestamp,
}

/// A SHA-256 digest, in hexadecimal on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
