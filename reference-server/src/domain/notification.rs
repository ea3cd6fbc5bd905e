//! What an account is told about.

use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use super::{NotificationId, Person, PostId, Timestamp, UserId};

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationKind {
    /// Somebody follows the account now.
    Follow,
    /// Somebody likes a post of the account.
    Like,
    /// Somebody commented on a post of the account.
    Comment,
}

impl NotificationKind {
    /// The word for it, in JSON and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Like => "like",
            Self::Comment => "comment",
        }
    }
}

/// A word that names no kind of notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a notification is about a follow, a like or a comment")]
pub struct UnknownKind;

impl FromStr for NotificationKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        let kinds = [Self::Follow, Self::Like, Self::Comment];
        kinds.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownKind)
    }
}

/// A notification with the account that caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The notification.
    pub id: NotificationId,
    /// What happened.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: Person,
    /// The post that it happened to.
    pub subject: Option<PostId>,
    /// When it happened.
    pub created_at: Timestamp,
    /// Whether the account has read it.
    pub read: bool,
}

/// What a change led to, and the new notification of the account that was told about it, if any was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified<T> {
    /// What it led to.
    pub outcome: T,
    /// Who was told what.
    pub told: Option<(UserId, Notification)>,
}
