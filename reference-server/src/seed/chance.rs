//! Random numbers, times and identifiers that follow from the plan alone.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Zipf};
use uuid::Builder;

use crate::domain::Timestamp;

const DAY: i64 = 86_400_000;

/// The year of the data, in milliseconds since 1970: accounts are made in its first month, everything else
/// happens in the others.
pub const YEAR: (i64, i64) = (1_735_689_600_000, 1_735_689_600_000 + 360 * DAY);
/// When the last account is there.
pub const SETTLED: i64 = YEAR.0 + 30 * DAY;
/// What happened before this has been read and cleared away.
pub const REMEMBERED: i64 = YEAR.1 - 30 * DAY;
/// What happened after this has not been read.
pub const UNREAD: i64 = YEAR.1 - 7 * DAY;

/// A source of randomness for one part of the data: the parts do not depend on one another's order.
#[derive(Clone, Copy)]
pub enum Part {
    People,
    Names,
    Graph,
    Edges,
    Posts,
    Talk,
}

/// A source of random numbers.
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The source of a part.
    pub fn of(part: Part, seed: u32) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(seed));
        rng.set_stream(part as u64);
        Self(rng)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// One of these.
    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A whole number with this mean and a long tail: many are small, a few are large.
    pub fn count(&mut self, mean: f64, most: usize) -> usize {
        let drawn: f64 = Exp1.sample(&mut self.0);
        let rounding: f64 = self.0.random();
        ((drawn * mean + rounding) as usize).min(most)
    }

    /// A moment in between.
    pub fn moment(&mut self, from: i64, to: i64) -> i64 {
        if from < to { self.0.random_range(from..to) } else { from }
    }

    /// A moment after this one, by so much on average, but within the year.
    pub fn soon(&mut self, after: i64, mean_millis: f64) -> i64 {
        let wait: f64 = Exp1.sample(&mut self.0);
        (after + 1 + (wait * mean_millis) as i64).min(YEAR.1)
    }

    /// The bytes of a UUIDv7 of this moment.
    pub fn id(&mut self, millis: i64) -> [u8; 16] {
        let random: [u8; 10] = self.0.random();
        Builder::from_unix_timestamp_millis(millis.unsigned_abs(), &random).into_uuid().into_bytes()
    }

    /// All numbers below `end`, in any order.
    pub fn shuffled(&mut self, end: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..end).collect();
        order.shuffle(&mut self.0);
        order
    }

    /// So many different numbers below `end`, in ascending order. Not more than half of them.
    pub fn different(&mut self, count: usize, end: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count {
            chosen.extend((chosen.len()..count).map(|_| self.0.random_range(0..end)));
            chosen.sort_unstable();
            chosen.dedup();
        }
        chosen
    }

    fn rank(&mut self, zipf: &Zipf<f64>) -> usize {
        zipf.sample(&mut self.0) as usize - 1
    }
}

/// The moment of the `index`th of `count` things that happen evenly in between.
pub fn evenly(index: u32, count: u32, (from, to): (i64, i64)) -> i64 {
    from + (to - from) * i64::from(index) / i64::from(count.max(1))
}

/// The moment as the store keeps it.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// How well known everybody is: the person of rank `k` is chosen in proportion to `1 / k^exponent`.
pub struct Fame {
    zipf: Zipf<f64>,
    by_rank: Vec<u32>,
}

impl Fame {
    /// Ranks in any order, so that fame has nothing to do with age. `None` for nobody.
    pub fn new(people: u32, exponent: f64, chance: &mut Chance) -> Option<Self> {
        let zipf = Zipf::new(f64::from(people), exponent).ok()?;
        Some(Self { zipf, by_rank: chance.shuffled(people) })
    }

    /// Somebody.
    pub fn pick(&self, chance: &mut Chance) -> usize {
        self.by_rank[chance.rank(&self.zipf)] as usize
    }
}
