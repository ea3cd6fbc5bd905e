//! Pauses between attempts to start an instance again.

use std::time::Duration;

use rand::RngExt;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// An instance that has run for this long has overcome what it died of before.
pub const HEALTHY: Duration = Duration::from_secs(60);

/// Doubling pauses. Jitter keeps instances that died together from starting together.
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next pause, at least half as long as the undisturbed one.
    pub fn pause(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts += 1;
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// After an instance that ran for this long.
    pub fn ran_for(&mut self, uptime: Duration) {
        if uptime >= HEALTHY {
            self.attempts = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_healthy_minute() {
        let mut backoff = Backoff::default();
        for whole in [100, 200, 400, 800].map(Duration::from_millis) {
            let pause = backoff.pause();
            assert!((whole / 2..=whole).contains(&pause), "{pause:?} of {whole:?}");
        }
        for _ in 0..100 {
            backoff.pause();
        }
        assert!((LONGEST / 2..=LONGEST).contains(&backoff.pause()));
        backoff.ran_for(Duration::from_secs(59));
        assert!(backoff.pause() > FIRST);
        backoff.ran_for(HEALTHY);
        assert!(backoff.pause() <= FIRST);
    }
}
