//! What one client may do in a while: for each action, a bucket that starts full and refills evenly (the generic
//! cell rate algorithm). Buckets live in this process (`local`) or in Redis for all instances together; both
//! count in whole microseconds and decide alike.

mod action;
mod local;
mod shared;
mod standing;

use std::sync::Arc;

pub use action::{Action, Subject};
pub use standing::{Limited, Standing, whole_seconds};

use crate::config::{Limit, RateLimits, RateScope};
use crate::redis::Redis;
use crate::telemetry::Telemetry;
use local::Local;
use shared::Shared;

/// Counts and decides.
pub struct Limiter {
    limits: RateLimits,
    local: Local,
    shared: Option<Shared>,
    telemetry: Arc<Telemetry>,
}

impl Limiter {
    /// A limiter whose buckets are all full.
    pub fn new(limits: RateLimits, redis: Option<Arc<Redis>>, telemetry: Arc<Telemetry>) -> Self {
        let (local, redis) = (Local::new(&limits), redis.filter(|_| limits.scope == RateScope::Redis));
        Self { limits, local, shared: redis.map(Shared::new), telemetry }
    }

    /// Whether anything is limited at all.
    pub fn is_on(&self) -> bool {
        self.limits.scope != RateScope::Off
    }

    /// Whether a verdict may have to come from elsewhere.
    pub fn may_wait(&self) -> bool {
        self.shared.is_some()
    }

    /// Takes one from the subject's bucket: how it stands now, or nothing when nothing is limited.
    pub async fn take(&self, action: Action, subject: Subject) -> Option<Standing> {
        if !self.is_on() {
            return None;
        }
        let limit = self.limits.of(action);
        let standing = Standing::new(action, limit, self.decide(action, subject, limit).await);
        if standing.retry_after.is_some() {
            self.telemetry.rate_limited(action.name());
        }
        Some(standing)
    }

    /// While Redis is away, this process counts for itself.
    async fn decide(&self, action: Action, subject: Subject, limit: Limit) -> Decision {
        if let Some(shared) = &self.shared
            && let Ok(decision) = shared.take(action, subject, limit).await
        {
            return decision;
        }
        self.local.take(action, subject)
    }

    /// Takes one, for callers that have no headers to fill.
    pub async fn check(&self, action: Action, subject: impl Into<Subject>) -> Result<(), Limited> {
        match self.take(action, subject.into()).await {
            Some(Standing { retry_after: Some(wait), .. }) => Err(Limited(wait)),
            _ => Ok(()),
        }
    }

    /// Forgets those whose buckets are full again.
    pub fn sweep(&self) {
        self.local.sweep();
    }
}

impl RateLimits {
    /// The limit of an action.
    fn of(&self, action: Action) -> Limit {
        match action {
            Action::General => self.general,
            Action::Auth => self.auth,
            Action::Post => self.posts,
            Action::Follow => self.follow,
            Action::Comment => self.comments,
            Action::Message => self.messages,
            Action::Room => self.rooms,
            Action::Move => self.moves,
            Action::Connection => self.connections,
        }
    }
}

/// What a bucket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// Yes, and so many more at once.
    Allowed { remaining: u32 },
    /// Not before so many microseconds have passed.
    Refused { wait_micros: u64 },
}

impl Limit {
    /// Microseconds in which a bucket gains one.
    fn interval_micros(&self) -> u64 {
        let window = u64::try_from(self.window.as_micros()).unwrap_or(u64::MAX);
        (window / u64::from(self.requests.get())).max(1)
    }
}
