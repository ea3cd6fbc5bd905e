//! The follow graph.

use serde::Serialize;

/// The state of one edge of the follow graph after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Follow {
    /// Whether the follower follows now.
    pub following: bool,
    /// Followers of the followed account now.
    pub followers: u64,
}
