//! What one client may do in a while.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Rate limits by route.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RateLimits {
    /// Where the counts live.
    pub scope: RateScope,
    /// Every request of the API, by user or else by address.
    pub general: Limit,
    /// Registering, logging in and refreshing, by address.
    pub auth: Limit,
    /// New posts.
    pub posts: Limit,
    /// Following and unfollowing.
    pub follow: Limit,
    /// New comments.
    pub comments: Limit,
    /// New messages, over HTTP and Socket.IO together.
    pub messages: Limit,
    /// New chess rooms.
    pub rooms: Limit,
    /// Chess moves.
    pub moves: Limit,
    /// New sockets, by user.
    pub connections: Limit,
}

/// Where the counts live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RateScope {
    /// Nothing is limited.
    Off,
    /// In each process for itself.
    Local,
    /// In Redis, for all instances together; in the process while Redis is away.
    Redis,
}

/// So many in so long: a bucket that starts full and refills evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// Requests at once, and in each window.
    pub requests: NonZeroU32,
    /// The window.
    #[serde(with = "Span")]
    pub window: Duration,
}

impl Limit {
    const fn new(requests: u32, seconds: u64) -> Self {
        let Some(requests) = NonZeroU32::new(requests) else { panic!("a limit allows something") };
        Self { requests, window: Duration::from_secs(seconds) }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            scope: RateScope::Off,
            general: Limit::new(100, 15 * 60),
            auth: Limit::new(20, 15 * 60),
            posts: Limit::new(30, 15 * 60),
            follow: Limit::new(60, 15 * 60),
            comments: Limit::new(60, 15 * 60),
            messages: Limit::new(60, 60),
            rooms: Limit::new(10, 60 * 60),
            moves: Limit::new(100, 60),
            connections: Limit::new(30, 60),
        }
    }
}
