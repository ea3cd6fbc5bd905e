//! Buckets in this process, by `governor`.

use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::{Action, Decision, Subject};
use crate::config::{Limit, RateLimits};

/// One set of buckets for each action. A bucket that is full again takes no memory after the next sweep.
pub struct Local<C: Clock = Micros> {
    actions: [Buckets<C>; Action::ALL.len()],
}

struct Buckets<C: Clock> {
    limiter: RateLimiter<Subject, DashMapStateStore<Subject>, C, StateInformationMiddleware>,
    clock: C,
}

impl Local {
    /// Full buckets.
    pub fn new(limits: &RateLimits) -> Self {
        Self::with_clock(limits, &Micros(Instant::now()))
    }
}

impl<C: Clock + Clone> Local<C> {
    /// Full buckets that refill by this clock.
    pub fn with_clock(limits: &RateLimits, clock: &C) -> Self {
        Self { actions: Action::ALL.map(|action| Buckets::new(limits.of(action), clock.clone())) }
    }

    /// Takes one.
    pub fn take(&self, action: Action, subject: Subject) -> Decision {
        self.actions[action as usize].take(subject)
    }

    /// Forgets the full ones.
    pub fn sweep(&self) {
        for Buckets { limiter, .. } in &self.actions {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

impl<C: Clock + Clone> Buckets<C> {
    fn new(limit: Limit, clock: C) -> Self {
        let interval = Duration::from_micros(limit.interval_micros());
        let quota = Quota::with_period(interval).unwrap_or(Quota::per_second(limit.requests));
        let quota = quota.allow_burst(limit.requests);
        let limiter = RateLimiter::dashmap_with_clock(quota, clock.clone());
        Self { limiter: limiter.with_middleware(), clock }
    }

    fn take(&self, subject: Subject) -> Decision {
        match self.limiter.check_key(&subject) {
            Ok(state) => Decision::Allowed { remaining: state.remaining_burst_capacity() },
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                Decision::Refused { wait_micros: u64::try_from(wait.as_micros()).unwrap_or(u64::MAX) }
            }
        }
    }
}

/// Time since the start in whole microseconds: the precision of the clock of Redis.
#[derive(Debug, Clone, Copy)]
pub struct Micros(Instant);

impl Clock for Micros {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::domain::UserId;

    fn ten_in_a_second(clock: &FakeRelativeClock) -> Local<FakeRelativeClock> {
        let general = Limit { requests: NonZeroU32::new(10).unwrap(), window: Duration::from_secs(1) };
        Local::with_clock(&RateLimits { general, ..RateLimits::default() }, clock)
    }

    #[test]
    fn a_bucket_starts_full_and_refills_evenly() {
        let clock = FakeRelativeClock::default();
        let (local, user) = (ten_in_a_second(&clock), Subject::User(UserId::new()));
        let take = || local.take(Action::General, user);
        for remaining in (0..10).rev() {
            assert_eq!(take(), Decision::Allowed { remaining });
        }
        assert_eq!(take(), Decision::Refused { wait_micros: 100_000 });
        clock.advance(Duration::from_micros(99_999));
        assert_eq!(take(), Decision::Refused { wait_micros: 1 });
        clock.advance(Duration::from_micros(1));
        assert_eq!(take(), Decision::Allowed { remaining: 0 });
        clock.advance(Duration::from_secs(60));
        assert_eq!(take(), Decision::Allowed { remaining: 9 });
    }

    #[test]
    fn buckets_of_others_and_of_other_actions_are_not_touched() {
        let clock = FakeRelativeClock::default();
        let (local, user) = (ten_in_a_second(&clock), Subject::User(UserId::new()));
        while local.take(Action::General, user) != (Decision::Refused { wait_micros: 100_000 }) {}
        let other = Subject::User(UserId::new());
        assert_eq!(local.take(Action::General, other), Decision::Allowed { remaining: 9 });
        assert!(matches!(local.take(Action::Post, user), Decision::Allowed { .. }));
    }

    #[test]
    fn full_buckets_take_no_memory() {
        let clock = FakeRelativeClock::default();
        let local = ten_in_a_second(&clock);
        let kept = || local.actions[Action::General as usize].limiter.len();
        for _ in 0..1_000 {
            local.take(Action::General, Subject::User(UserId::new()));
        }
        local.sweep();
        assert_eq!(kept(), 1_000);
        clock.advance(Duration::from_millis(300));
        local.sweep();
        assert_eq!(kept(), 0);
    }
}
