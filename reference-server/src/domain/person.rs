//! The public face of an account, as it appears beside posts, messages and games.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UserId;

/// Who somebody is to others. Cheap to clone: sockets, rooms and events share the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Unique handle.
    #[schema(value_type = String)]
    pub username: Arc<str>,
    /// Name for display.
    #[schema(value_type = String)]
    pub name: Arc<str>,
}
