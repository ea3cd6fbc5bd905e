//! Which part of a run one process does: every n-th user, arrival and iteration, beginning with its own.

use serde::{Deserialize, Serialize};

/// Part `index` (from 0) of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which part, from 0.
    pub index: u32,
    /// How many parts there are.
    pub count: u32,
}

impl Share {
    /// The whole.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// How many of `all` things are its own.
    pub fn of(self, all: u64) -> u64 {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        all.saturating_sub(index).div_ceil(count)
    }

    /// The number, among all, of its own number `own` (from 0).
    pub fn number(self, own: u64) -> u64 {
        own.saturating_mul(self.count.into()).saturating_add(self.index.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Share;

    proptest! {
        #[test]
        fn parts_have_everything_once(all in 0u64..500, count in 1u32..9) {
            let mut numbers: Vec<u64> = (0..count)
                .map(|index| Share { index, count })
                .flat_map(|share| (0..share.of(all)).map(move |own| share.number(own)))
                .collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..all).collect::<Vec<_>>());
        }
    }
}
