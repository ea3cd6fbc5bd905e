//! A port of a machine whose wall clock is wrong.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use state_map::redis::RedisPort;
use state_map::wire::call::{Call, Failure, Reply};
use state_map::{Event, Id, Port};

/// Redis, and a clock that is off.
pub struct Skewed {
    /// Redis.
    pub redis: Arc<RedisPort>,
    /// By how many milliseconds.
    pub skew_ms: i64,
}

impl Port for Skewed {
    fn call(&self, call: Call, replicas: u32) -> impl Future<Output = Result<Reply, Failure>> + Send {
        self.redis.call(call, replicas)
    }

    fn now(&self) -> Duration {
        self.redis.now()
    }

    fn wall_ms(&self) -> u64 {
        self.redis.wall_ms().saturating_add_signed(self.skew_ms)
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        self.redis.sleep(time)
    }

    fn random(&self) -> Id {
        self.redis.random()
    }

    fn event(&self, incarnation: Id) -> impl Future<Output = Event> + Send {
        self.redis.event(incarnation)
    }
}
