//! A server's data and its replica, which has a prefix of the writes.

use std::collections::VecDeque;

/// States that a replica may be behind by. What is older has always arrived.
const MOST_BEHIND: usize = 24;

/// Data of a primary, and what its replica may have of it.
#[derive(Debug, Clone)]
pub struct Replicated<T> {
    primary: T,
    /// States that the replica may be at, oldest first; the primary's own is not among them.
    behind: VecDeque<T>,
    /// Counts fail-overs and restarts.
    history: u32,
}

impl<T: Clone> Replicated<T> {
    pub fn new(primary: T) -> Self {
        Self { primary, behind: VecDeque::new(), history: 0 }
    }

    pub fn read(&self) -> &T {
        &self.primary
    }

    /// Changes the primary. The replica hears of it later.
    pub fn write(&mut self) -> &mut T {
        if self.behind.len() == MOST_BEHIND {
            self.behind.pop_front();
        }
        self.behind.push_back(self.primary.clone());
        &mut self.primary
    }

    /// The replica has all: what WAIT waits for.
    pub fn replicate(&mut self) {
        self.behind.clear();
    }

    /// How many writes the replica may lack.
    pub fn lag(&self) -> usize {
        self.behind.len()
    }

    /// The newest so many states.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &T> {
        let skipped = (self.behind.len() + 1).saturating_sub(count);
        self.behind.iter().chain([&self.primary]).skip(skipped)
    }

    /// The replica becomes primary, without the last `lost` writes.
    pub fn fail_over(&mut self, lost: usize) {
        let kept = self.behind.len().saturating_sub(lost);
        if let Some(state) = self.behind.get(kept) {
            self.primary = state.clone();
        }
        self.behind.clear();
        self.history += 1;
    }

    /// Which history of replication this is.
    pub fn history(&self) -> u32 {
        self.history
    }
}
