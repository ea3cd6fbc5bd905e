//! The response cache, with the lifetimes of the documents.

use std::time::Duration;

/// Settings of the cache. A lifetime of zero switches that route off.
#[derive(Debug, Clone)]
pub struct CacheSettings {
    /// Whether responses are cached at all.
    pub enabled: bool,
    /// Entries kept in this process in front of Redis; 0 for Redis only.
    pub l1_entries: u64,
    /// Whether entries are kept in Redis too, where there is one.
    pub redis: bool,
    /// Longest life of an entry in this process.
    pub l1_ttl: Duration,
    /// Whether popular entries are loaded before they are asked for, at the start.
    pub warming: bool,
    /// User profiles.
    pub profile: Duration,
    /// Followers and following.
    pub followers: Duration,
    /// Feeds.
    pub feed: Duration,
    /// Unread notifications.
    pub notification_count: Duration,
    /// Single posts.
    pub post: Duration,
    /// List of lawyers.
    pub lawyers: Duration,
    /// Dashboards.
    pub dashboard: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            enabled: false,
            l1_entries: 10_000,
            redis: true,
            l1_ttl: Duration::from_secs(5),
            warming: false,
            profile: minutes(5),
            followers: minutes(2),
            feed: minutes(1),
            notification_count: Duration::from_secs(30),
            post: minutes(5),
            lawyers: minutes(10),
            dashboard: minutes(2),
        }
    }
}
