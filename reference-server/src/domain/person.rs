//! The public face of an account, as it appears beside posts, messages and games.

use std::sync::Arc;

use serde::Serialize;

use super::UserId;

/// Who somebody is to others. Cheap to clone: sockets, rooms and events share the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Unique handle.
    pub username: Arc<str>,
    /// Name for display.
    pub name: Arc<str>,
}
