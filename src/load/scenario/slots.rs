//! The variables of one iteration, by slot, with its source of chance.

use std::ops::{Index, IndexMut};

use serde_json::Value;

use super::chance::Chance;

/// What the expressions of one iteration read.
#[derive(Debug, Default)]
pub struct Slots {
    values: Vec<Option<Value>>,
    /// What its random functions draw from.
    pub chance: Chance,
}

impl Slots {
    /// As many empty slots.
    pub fn new(count: usize) -> Self {
        vec![None; count].into()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.values.fill(None);
    }

    /// The value of a slot, if it has one.
    pub fn get(&self, slot: usize) -> Option<&Value> {
        self.values.get(slot).and_then(Option::as_ref)
    }
}

impl From<Vec<Option<Value>>> for Slots {
    fn from(values: Vec<Option<Value>>) -> Self {
        Self { values, chance: Chance::default() }
    }
}

impl Index<usize> for Slots {
    type Output = Option<Value>;

    fn index(&self, slot: usize) -> &Self::Output {
        &self.values[slot]
    }
}

impl IndexMut<usize> for Slots {
    fn index_mut(&mut self, slot: usize) -> &mut Self::Output {
        &mut self.values[slot]
    }
}
