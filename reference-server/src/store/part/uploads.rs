//! What is known of the files that users sent. The files themselves are no business of the store.

use super::part;
use crate::domain::{Page, PageRequest, Upload, UploadId, UploadStatus, UserId};

part! {
    /// What is known of the files that users sent.
    pub trait UploadStore {
        /// Adds a record, unless the owner has `most` already; tells whether it was added.
        fn add_upload(&self, upload: Upload, most: u64) -> bool;
        /// One record.
        fn upload(&self, upload: UploadId) -> Option<Upload>;
        /// Records of an owner.
        fn uploads(&self, owner: UserId, page: PageRequest) -> Page<Upload>;
        /// Notes how far the processing has come; false when there is no such record.
        fn mark_upload(&self, upload: UploadId, status: UploadStatus) -> bool;
        /// Removes a record of this owner; false when there is none.
        fn remove_upload(&self, owner: UserId, upload: UploadId) -> bool;
    }
}
