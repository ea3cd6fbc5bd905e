//! The variables of one iteration, by slot, with its source of chance.

use serde_json::Value;

use super::chance::Chance;

/// What the expressions of one iteration read.
#[derive(Debug, Default)]
pub struct Slots {
    /// Boxed: most are empty most of the time, and a hundred thousand users have theirs.
    values: Box<[Option<Box<Value>>]>,
    /// What its random functions draw from.
    pub chance: Chance,
}

impl Slots {
    /// As many empty slots.
    pub fn new(count: usize) -> Self {
        Self { values: vec![None; count].into(), chance: Chance::default() }
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.values.fill(None);
    }

    /// The value of a slot, if it has one.
    pub fn get(&self, slot: usize) -> Option<&Value> {
        self.values.get(slot).and_then(Option::as_deref)
    }

    /// Gives a slot its value.
    pub fn set(&mut self, slot: usize, value: Value) {
        match &mut self.values[slot] {
            Some(old) => **old = value,
            none => *none = Some(value.into()),
        }
    }
}

impl From<Vec<Option<Value>>> for Slots {
    fn from(values: Vec<Option<Value>>) -> Self {
        let values = values.into_iter().map(|value| value.map(Box::new)).collect();
        Self { values, chance: Chance::default() }
    }
}
