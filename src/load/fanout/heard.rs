//! What a listener has heard of one publisher, in bounded memory: which numbers came, twice, or late.

/// Of so many numbers up to the highest it is known which came.
const WINDOW: u32 = 128;

/// The numbers of one publisher that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The lowest.
    pub low: u32,
    /// The highest.
    pub top: u32,
    /// How many different ones.
    pub count: u32,
    /// Bit n: whether `top - n` came.
    recent: u128,
}

/// What a message is to its listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coming {
    /// It came after all earlier ones of its publisher.
    InOrder,
    /// A later one had come before it.
    Late,
    /// It had come before.
    Again,
}

impl Heard {
    /// The first message.
    pub fn new(number: u32) -> Self {
        Self { low: number, top: number, count: 1, recent: 1 }
    }

    /// One more message. Of one that is further behind than the window it is told by the gaps whether it is new.
    pub fn take(&mut self, number: u32) -> Coming {
        if number > self.top {
            let ahead = number - self.top;
            self.recent = self.recent.checked_shl(ahead).unwrap_or(0) | 1;
            self.top = number;
            self.count += 1;
            return Coming::InOrder;
        }
        let behind = self.top - number;
        let is_known = match behind {
            0..WINDOW => self.recent & (1 << behind) != 0,
            _ => number >= self.low && self.missing() == 0,
        };
        if is_known {
            return Coming::Again;
        }
        if behind < WINDOW {
            self.recent |= 1 << behind;
        }
        self.low = self.low.min(number);
        self.count += 1;
        Coming::Late
    }

    /// Numbers between the lowest and the highest that did not come.
    pub fn missing(&self) -> u64 {
        (u64::from(self.top - self.low) + 1).saturating_sub(self.count.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Coming, Heard};

    proptest! {
        /// Against a memory without bounds, for whatever order, loss and repetition within the window.
        #[test]
        fn every_message_is_told_for_what_it_is(
            numbers in proptest::collection::vec(1u32..120, 1..300),
        ) {
            let mut known = BTreeSet::from([numbers[0]]);
            let mut heard = Heard::new(numbers[0]);
            for number in &numbers[1..] {
                let expected = match known.last() {
                    _ if known.contains(number) => Coming::Again,
                    Some(top) if number > top => Coming::InOrder,
                    _ => Coming::Late,
                };
                prop_assert_eq!(heard.take(*number), expected);
                known.insert(*number);
            }
            let (low, top) = (*known.first().unwrap(), *known.last().unwrap());
            let missing = u64::from(top - low) + 1 - known.len() as u64;
            prop_assert_eq!((heard.low, heard.top, heard.missing()), (low, top, missing));
        }
    }

    #[test]
    fn beyond_the_window_gaps_tell_what_is_new() {
        let mut heard = Heard::new(1);
        (2..=1_000).filter(|number| *number != 500).for_each(|number| _ = heard.take(number));
        assert_eq!(heard.missing(), 1);
        assert_eq!((heard.take(500), heard.missing()), (Coming::Late, 0));
        assert_eq!((heard.take(3), heard.take(999)), (Coming::Again, Coming::Again));
        assert_eq!(heard.take(2_000_000), Coming::InOrder);
    }
}
