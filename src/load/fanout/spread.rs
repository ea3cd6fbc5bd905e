//! Times of a room, kept small: there may be thousands of rooms, each with a few times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::load::tally::Times;

/// Below it, every microsecond is a bucket of its own; above, a power of two has half as many.
const EXACT: u64 = 256;
const LONGEST_MICROS: u64 = 3_600_000_000;

/// How often each time came, in microseconds, at most 0.8 % too long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Spread(BTreeMap<u64, u64>);

impl Spread {
    /// Counts a time.
    pub fn record(&mut self, micros: u64) {
        *self.0.entry(bucket(micros.clamp(1, LONGEST_MICROS))).or_default() += 1;
    }

    /// Adds another one to this one.
    pub fn absorb(&mut self, other: &Self) {
        other.0.iter().for_each(|(micros, count)| *self.0.entry(*micros).or_default() += count);
    }

    /// The same as a histogram.
    pub fn times(&self) -> Times {
        self.0.iter().map(|(micros, count)| (*micros, *count)).collect::<Vec<_>>().into()
    }
}

/// The upper end of a time's bucket.
fn bucket(micros: u64) -> u64 {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(EXACT.trailing_zeros());
    ((micros >> shift) + 1).wrapping_shl(shift) - 1
}

impl From<Vec<(u64, u64)>> for Spread {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl From<Spread> for Vec<(u64, u64)> {
    fn from(spread: Spread) -> Self {
        spread.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Spread, bucket};

    proptest! {
        #[test]
        fn a_bucket_is_hardly_longer_than_its_times(micros in 1u64..4_000_000_000) {
            let end = bucket(micros);
            prop_assert!(end >= micros && (end - micros) as f64 <= micros as f64 / 127.0, "{micros}: {end}");
            prop_assert_eq!(bucket(end), end);
        }
    }

    #[test]
    fn spreads_add_up() {
        let (mut one, mut two) = (Spread::default(), Spread::default());
        [5, 5, 1_000].iter().for_each(|micros| one.record(*micros));
        [5, 2_000_000].iter().for_each(|micros| two.record(*micros));
        one.absorb(&two);
        let pairs: Vec<(u64, u64)> = one.times().into();
        assert_eq!(pairs.iter().map(|(_, count)| count).sum::<u64>(), 5);
        assert_eq!(pairs[0], (5, 3));
    }
}
