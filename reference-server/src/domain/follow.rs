//! The follow graph.

use serde::Serialize;
use utoipa::ToSchema;

use super::Person;

/// The state of one edge of the follow graph after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Follow {
    /// Whether the follower follows now.
    pub following: bool,
    /// Followers of the followed account now.
    pub followers: u64,
}

/// An account that somebody may want to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Suggestion {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// Followed accounts that follow it; none when it is suggested because it is popular.
    pub common: u64,
    /// All that follow it.
    pub followers: u64,
}
