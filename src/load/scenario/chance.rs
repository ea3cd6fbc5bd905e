//! Repeatable chance. Every choice of a user's iteration comes from the run's seed, the user's number and the
//! number of its iteration, whatever thread it runs on and whatever the other users do meanwhile.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::TryRng;

/// The odd number that Steele, Lea and Flood's SplitMix64 (OOPSLA 2014) steps by.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

thread_local! {
    /// The state that the functions of the expression being evaluated draw from.
    static LENT: Cell<u64> = const { Cell::new(0) };
}

/// Whose choices they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Who {
    /// The user's number over all workers, from 0; in the open model, the arrival's.
    pub user: u64,
    /// The number of its iteration, from 0; in the open model always 0.
    pub round: u64,
}

/// The generator of one iteration: eight bytes, so that a hundred thousand users can have their own.
#[derive(Debug, Default)]
pub struct Chance(AtomicU64);

impl Chance {
    /// Begins anew for an iteration.
    pub fn restart(&self, seed: u64, who: Who) {
        let user = mix(mix(seed).wrapping_add(who.user));
        self.0.store(mix(user.wrapping_add(who.round)), Ordering::Relaxed);
    }

    /// Draws something.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut SplitMix) -> T) -> T {
        let mut generator = SplitMix(self.0.load(Ordering::Relaxed));
        let drawn = draw(&mut generator);
        self.0.store(generator.0, Ordering::Relaxed);
        drawn
    }

    /// Runs `evaluate` with this generator behind [`draw_lent`].
    pub fn lend<T>(&self, evaluate: impl FnOnce() -> T) -> T {
        LENT.set(self.0.load(Ordering::Relaxed));
        let value = evaluate();
        self.0.store(LENT.get(), Ordering::Relaxed);
        value
    }
}

/// Draws from the generator of the iteration whose expression is being evaluated.
pub fn draw_lent<T>(draw: impl FnOnce(&mut SplitMix) -> T) -> T {
    let mut generator = SplitMix(LENT.get());
    let drawn = draw(&mut generator);
    LENT.set(generator.0);
    drawn
}

/// A number for a user alone, the same in all its iterations.
pub fn of_user(seed: u64, user: u64) -> u64 {
    mix(mix(seed ^ STEP).wrapping_add(user))
}

/// SplitMix64: no more is needed of what makes test data, and its sequence is the same on every machine.
#[derive(Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        finish(self.0)
    }
}

impl TryRng for SplitMix {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.step() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.step())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.step().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn mix(value: u64) -> u64 {
    finish(value.wrapping_add(STEP))
}

fn finish(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::RngExt;

    use super::{Chance, Who, draw_lent};

    fn first(seed: u64, user: u64, round: u64) -> u64 {
        let chance = Chance::default();
        chance.restart(seed, Who { user, round });
        chance.draw(RngExt::random)
    }

    #[test]
    fn each_iteration_of_each_user_has_numbers_of_its_own_and_the_same_again() {
        let all: HashSet<u64> = (0..100).flat_map(|user| (0..100).map(move |k| first(7, user, k))).collect();
        assert_eq!(all.len(), 10_000);
        assert_eq!(first(7, 3, 4), first(7, 3, 4));
        assert_ne!(first(7, 3, 4), first(8, 3, 4));
        assert_ne!(first(7, 3, 4), first(7, 4, 3));
    }

    #[test]
    fn what_expressions_draw_is_drawn_from_the_one_who_lends() {
        let (one, other) = (Chance::default(), Chance::default());
        let draw = |chance: &Chance| chance.lend(|| draw_lent(RngExt::random::<u64>));
        let (first, second) = (draw(&one), draw(&one));
        assert_ne!(first, second);
        assert_eq!([draw(&other), draw(&other)], [first, second], "neither disturbs the other");
    }
}
