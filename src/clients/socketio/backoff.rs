//! How long a client waits before it comes back, as socket.io-client does.

use std::time::Duration;

use rand::RngExt;

/// The back-off of `socket.io-client`, by the names and defaults of its manager's options.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// `reconnectionDelay`: the wait before the first attempt.
    pub delay: Duration,
    /// `reconnectionDelayMax`: no wait is longer.
    pub delay_max: Duration,
    /// `randomizationFactor`: a wait is up to this part of itself longer or shorter.
    pub randomization: f64,
    /// `reconnectionAttempts`: how often it is tried; without end when there is none.
    pub attempts: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        let (delay, delay_max) = (Duration::from_secs(1), Duration::from_secs(5));
        Self { delay, delay_max, randomization: 0.5, attempts: None }
    }
}

impl Backoff {
    /// The wait before attempt number `attempt`, from 0: it doubles each time. None when it is given up.
    pub fn wait(&self, attempt: u32) -> Option<Duration> {
        if self.attempts.is_some_and(|attempts| attempt >= attempts) {
            return None;
        }
        let factor = self.randomization.clamp(0.0, 1.0);
        let jitter = if factor > 0.0 { rand::rng().random_range(1.0 - factor..=1.0 + factor) } else { 1.0 };
        let wait = self.delay.as_secs_f64() * 2_f64.powi(attempt.min(40).cast_signed()) * jitter;
        Some(Duration::from_secs_f64(wait.min(self.delay_max.as_secs_f64())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Backoff;

    #[test]
    fn without_chance_it_doubles_up_to_the_longest_wait() {
        let backoff = Backoff { randomization: 0.0, attempts: Some(5), ..Backoff::default() };
        let waits: Vec<_> =
            (0..6).map(|attempt| backoff.wait(attempt).map(|wait| wait.as_millis())).collect();
        assert_eq!(waits, [Some(1_000), Some(2_000), Some(4_000), Some(5_000), Some(5_000), None]);
    }

    proptest! {
        #[test]
        fn chance_moves_a_wait_by_half_of_it_at_most(attempt in 0..60_u32) {
            let backoff = Backoff::default();
            let wait = backoff.wait(attempt).unwrap();
            let middle = 2_f64.powi(attempt.cast_signed());
            let at_least = Duration::from_secs_f64((middle * 0.499).min(5.0));
            prop_assert!(wait >= at_least && wait <= Duration::from_secs(5), "{attempt}: {wait:?}");
        }
    }
}
