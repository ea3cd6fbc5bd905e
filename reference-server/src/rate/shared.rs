//! Buckets in Redis, for all instances together.

use std::sync::Arc;

use redis::Script;

use super::{Action, Decision, Subject};
use crate::config::Limit;
use crate::redis::{Redis, Unavailable};

/// The time at which the next request would be due if they came evenly is all that a bucket is. The rule is that
/// of `governor`, to the microsecond; the time is that of Redis, so that instances need not agree on it. Without
/// a key the bucket is full, so the key lives for one window. The last argument replaces the time in tests.
const TAKE: &str = "
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local due = redis.call('GET', KEYS[1])
due = due and tonumber(due) or now
local earliest = due - interval * (burst - 1)
if now < earliest then
  return {-1, earliest - now}
end
due = math.max(due, now) + interval
local window = interval * burst
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil(window / 1000))
return {math.floor((now + window - due) / interval), 0}
";

/// All buckets, in Redis.
pub struct Shared {
    redis: Arc<Redis>,
    take: Script,
}

impl Shared {
    /// Over this connection.
    pub fn new(redis: Arc<Redis>) -> Self {
        Self { redis, take: Script::new(TAKE) }
    }

    /// Takes one.
    pub async fn take(
        &self,
        action: Action,
        subject: Subject,
        limit: Limit,
    ) -> Result<Decision, Unavailable> {
        self.take_at(action, subject, limit, String::new()).await
    }

    async fn take_at(
        &self,
        action: Action,
        subject: Subject,
        limit: Limit,
        now: String,
    ) -> Result<Decision, Unavailable> {
        let key = format!("rate:{}:{subject}", action.name());
        let numbers = [limit.interval_micros().to_string(), limit.requests.to_string(), now];
        let args = numbers.map(String::into_bytes);
        let answer = self.redis.script("rate_take", &self.take, &[key.as_str()], &args).await;
        let (remaining, wait): (i64, i64) = answer?;
        Ok(match u32::try_from(remaining) {
            Ok(remaining) => Decision::Allowed { remaining },
            Err(_) => Decision::Refused { wait_micros: wait.unsigned_abs() },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::config::RateLimits;
    use crate::domain::UserId;
    use crate::rate::local::Local;
    use crate::redis::testing::{RedisServer, connect};

    /// Some microsecond of this century: numbers as large as those of the real clock.
    const BEGIN: u64 = 1_800_000_000_000_001;

    /// Requests of few users, each some microseconds after the one before: at once, a moment or long after.
    fn requests() -> impl Strategy<Value = Vec<(usize, u64)>> {
        let pause = prop_oneof![Just(0), 0..200_000_u64, 0..40_000_000_u64];
        vec((0..3_usize, pause), 1..120)
    }

    fn limit() -> impl Strategy<Value = Limit> {
        (1..12_u32, 20_000..60_000_u64).prop_map(|(requests, millis)| Limit {
            requests: NonZeroU32::new(requests).unwrap(),
            window: Duration::from_millis(millis),
        })
    }

    #[test]
    fn redis_decides_as_the_process_does() {
        let runtime = Runtime::new().unwrap();
        let server = RedisServer::start();
        let shared = Shared::new(runtime.block_on(connect(&server)));
        proptest!(ProptestConfig::with_cases(64), |(requests in requests(), limit in limit())| {
            let clock = FakeRelativeClock::default();
            let local = Local::with_clock(&RateLimits { posts: limit, ..RateLimits::default() }, &clock);
            let subjects = [(); 3].map(|()| Subject::User(UserId::new()));
            let mut now = BEGIN;
            for (who, pause) in requests {
                now += pause;
                clock.advance(Duration::from_micros(pause));
                let (subject, action) = (subjects[who], Action::Post);
                let there = shared.take_at(action, subject, limit, now.to_string());
                let there = runtime.block_on(there).unwrap();
                prop_assert_eq!(there, local.take(action, subject), "at {}", now - BEGIN);
            }
        });
    }

    #[tokio::test]
    async fn instances_share_a_bucket_that_redis_forgets_when_it_is_full() {
        let server = RedisServer::start();
        let (one, other) = (Shared::new(connect(&server).await), Shared::new(connect(&server).await));
        let limit = Limit { requests: NonZeroU32::new(2).unwrap(), window: Duration::from_secs(3_600) };
        let user = Subject::User(UserId::new());
        assert_eq!(one.take(Action::Room, user, limit).await, Ok(Decision::Allowed { remaining: 1 }));
        assert_eq!(other.take(Action::Room, user, limit).await, Ok(Decision::Allowed { remaining: 0 }));
        let refused = one.take(Action::Room, user, limit).await;
        assert!(matches!(refused, Ok(Decision::Refused { wait_micros: 1_790_000_000..=1_800_000_000 })));
        let mut ttl = redis::cmd("PTTL");
        ttl.arg(format!("rate:rooms:{user}"));
        let ttl: i64 = one.redis.query("test", ttl).await.unwrap();
        assert!((3_590_000..=3_600_000).contains(&ttl), "{ttl}");
    }
}
