//! The map as a verifier sees it: what its process answers for. Copies of keys that are open are not among it.

use super::held::Held;
use crate::memory::{Entry, Standing};
use crate::port::Port;
use crate::sync::lock;
use crate::verify::{Holding, Holdings};
use crate::wire::call::Version;
use crate::wire::key::Key;

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Holdings for Held<V, P> {
    fn map_name(&self) -> &'static str {
        self.spec.name
    }

    fn prefix(&self) -> &str {
        self.spec.prefix
    }

    fn show(&self, from: usize, most: usize, visit: &mut dyn FnMut(&Key, Holding)) -> Option<usize> {
        // Values are encoded when requests may use the memory again.
        let (shown, next) = {
            let memory = lock(&self.memory);
            let window = memory.iter().skip(from).take(most);
            let shown: Vec<_> =
                window.filter_map(|(key, entry)| Some((key.clone(), Shown::of(entry)?))).collect();
            (shown, (from + most < memory.iter().len()).then_some(from + most))
        };
        for (key, shown) in shown {
            visit(&key, self.holding(shown));
        }
        next
    }

    fn find(&self, key: &Key) -> Option<Holding> {
        let shown = lock(&self.memory).get(key).and_then(Shown::of)?;
        Some(self.holding(shown))
    }
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    fn holding(&self, shown: Shown<V>) -> Holding {
        let Shown { value, version, owed, generation, written_here } = shown;
        let value = value.map(|value| self.spec.codec.encode(&value).unwrap_or_default());
        Holding { version: Version { value, ..version }, owed, generation, written_here }
    }
}

/// An entry that the process answers for; its value is not encoded yet.
struct Shown<V> {
    value: Option<std::sync::Arc<V>>,
    version: Version,
    owed: bool,
    generation: u64,
    written_here: bool,
}

impl<V> Shown<V> {
    /// None for copies, and for what was claimed by nobody and holds nothing.
    fn of(entry: &Entry<V>) -> Option<Self> {
        let is_answered = match entry.standing {
            Standing::Copy => false,
            Standing::Unclaimed => entry.value.is_some(),
            Standing::Owned(_) | Standing::Leaving(_) => true,
        };
        is_answered.then(|| Self {
            value: entry.value.clone(),
            version: Version { seq: entry.seq, op: entry.op, value: None, expires_ms: entry.expires_ms },
            owed: entry.is_dirty(),
            generation: entry.generation().unwrap_or(0),
            written_here: entry.written_here,
        })
    }
}
