//! Notifications and their read state.

use super::part;
use crate::domain::{Notification, NotificationId, Page, PageRequest, UserId};

part! {
    /// Notifications and their read state.
    pub trait NotificationStore {
        /// Notifications of an account.
        fn notifications(&self, user: UserId, page: PageRequest) -> Page<Notification>;
        /// Notifications not read yet.
        fn unread(&self, user: UserId) -> u64;
        /// Marks all notifications as read; tells how many were not.
        fn mark_read(&self, user: UserId) -> u64;
        /// Marks one notification of an account as read; tells how many were not. Fails with
        /// [`StoreError::Missing`](crate::store::StoreError::Missing).
        fn mark_one_read(&self, user: UserId, notification: NotificationId) -> u64;
    }
}
