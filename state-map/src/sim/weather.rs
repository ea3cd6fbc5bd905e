//! How bad the network is.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Odds in thousandths, the same for all calls of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Calls, answers and messages that are lost.
    pub lost: u32,
    /// Calls that arrive a second time, and messages.
    pub doubled: u32,
    /// Calls that are slow.
    pub slow: u32,
    /// Calls that arrive after their senders have given up.
    pub late: u32,
    /// Tasks that stop for a while between two steps.
    pub put_off: u32,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self { lost: 0, doubled: 0, slow: 0, late: 0, put_off: 0 };

    /// Some weather: each kind of trouble is absent in half of all runs.
    pub fn any(rng: &mut ChaCha8Rng) -> Self {
        let mut odds = |most: u32| if rng.random_bool(0.5) { 0 } else { rng.random_range(1..=most) };
        Self { lost: odds(40), doubled: odds(60), slow: odds(150), late: odds(40), put_off: odds(30) }
    }

    /// Time that a call takes.
    pub fn delay_us(&self, rng: &mut ChaCha8Rng) -> u64 {
        match rng.random_range(0..1_000) {
            dice if dice < self.late => self.late_us(rng),
            dice if dice < self.late + self.slow => rng.random_range(2_000..150_000),
            _ => rng.random_range(100..2_000),
        }
    }

    /// A long time: beyond a time-out, at times beyond a lease.
    pub fn late_us(&self, rng: &mut ChaCha8Rng) -> u64 {
        let most = [50_000, 700_000, 3_000_000, 6_000_000][rng.random_range(0..4)];
        rng.random_range(1_000..most)
    }
}
