//! The load balancer, and which requests are under way.

use std::collections::BTreeMap;

use crate::wire::key::Key;

/// Sends the requests for a key to one process, its home, as long as stickiness is on.
#[derive(Debug, Default)]
pub struct Balancer {
    homes: BTreeMap<Key, usize>,
    /// Keys stay where they are.
    pub is_frozen: bool,
    /// Requests go anywhere.
    pub is_open: bool,
    under_way: BTreeMap<u64, u64>,
    era: u64,
}

impl Balancer {
    pub fn new(homes: impl IntoIterator<Item = (Key, usize)>) -> Self {
        Self { homes: homes.into_iter().collect(), ..Self::default() }
    }

    pub fn homes(&self) -> Vec<(Key, usize)> {
        self.homes.iter().map(|(key, home)| (key.clone(), *home)).collect()
    }

    pub fn home(&self, key: &Key) -> usize {
        self.homes.get(key).copied().unwrap_or_default()
    }

    pub fn move_to(&mut self, key: &Key, home: usize) {
        if !self.is_frozen {
            self.homes.insert(key.clone(), home);
        }
    }

    /// A request begins; the era that it belongs to.
    pub fn begin(&mut self) -> u64 {
        *self.under_way.entry(self.era).or_default() += 1;
        self.era
    }

    pub fn end(&mut self, era: u64) {
        if let Some(count) = self.under_way.get_mut(&era) {
            *count -= 1;
        }
    }

    /// A new era begins.
    pub fn turn_over(&mut self) {
        self.era += 1;
    }

    /// Whether no request of an earlier era is under way.
    pub fn has_settled(&self) -> bool {
        self.under_way.range(..self.era).all(|(_, count)| *count == 0)
    }
}
