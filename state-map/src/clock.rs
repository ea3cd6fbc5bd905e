//! Redis' clock as this process knows it: its own monotonic clock and a measured offset (C18). The wall clock serves
//! only until the first measurement, when no expiry has left the process yet.

use std::sync::Mutex;
use std::time::Duration;

use crate::sync::lock;

/// Samples that compete for the offset: the one with the shortest round trip wins.
const SAMPLES: usize = 8;

/// A measurement: offset and half the round trip, both in milliseconds.
type Sample = (i64, u64);

/// Tells the time by Redis' clock.
pub struct Clock {
    state: Mutex<State>,
}

struct State {
    offset_ms: i64,
    samples: Vec<Sample>,
}

impl Clock {
    /// A clock that goes by the wall clock until it is measured.
    pub fn new(now: Duration, wall_ms: u64) -> Self {
        Self { state: Mutex::new(State { offset_ms: signed(wall_ms) - millis(now), samples: Vec::new() }) }
    }

    /// The time at this monotonic instant, in milliseconds.
    pub fn at(&self, now: Duration) -> u64 {
        (lock(&self.state).offset_ms + millis(now)).try_into().unwrap_or(0)
    }

    /// Takes a measurement: Redis said `redis_ms` between these two instants. What was told by the wall clock so far
    /// is off by the result, which the first measurement alone has.
    pub fn measure(&self, sent: Duration, received: Duration, redis_ms: u64) -> Option<i64> {
        let half = received.saturating_sub(sent) / 2;
        let offset = signed(redis_ms) - millis(sent + half);
        let mut state = lock(&self.state);
        let is_first = state.samples.is_empty();
        if state.samples.len() == SAMPLES {
            state.samples.remove(0);
        }
        state.samples.push((offset, half.as_millis().try_into().unwrap_or(u64::MAX)));
        let best = state.samples.iter().min_by_key(|sample| sample.1).map_or(offset, |sample| sample.0);
        let shift = best - std::mem::replace(&mut state.offset_ms, best);
        is_first.then_some(shift)
    }
}

fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}

fn signed(ms: u64) -> i64 {
    ms.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_quickest_answer_tells_the_time() {
        let clock = Clock::new(ms(100), 50_000);
        assert_eq!(clock.at(ms(200)), 50_100);
        assert_eq!(clock.measure(ms(200), ms(400), 10_300), Some(10_000 - 49_900));
        assert_eq!(clock.at(ms(300)), 10_300);
        assert_eq!(clock.measure(ms(500), ms(502), 10_511), None);
        assert_eq!(clock.at(ms(501)), 10_511);
        assert_eq!(clock.measure(ms(600), ms(900), 99_999), None);
        assert_eq!(clock.at(ms(900)), 10_910, "a slow answer is not believed");
    }
}
