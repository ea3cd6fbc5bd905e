//! What an account is told about.

use serde::Serialize;

use super::{NotificationId, Person, Timestamp};

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationKind {
    /// Somebody follows the account now.
    Follow,
}

/// A notification with the account that caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The notification.
    pub id: NotificationId,
    /// What happened.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: Person,
    /// When it happened.
    pub created_at: Timestamp,
    /// Whether the account has read it.
    pub read: bool,
}
