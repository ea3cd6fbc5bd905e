//! What one process holds of one map. Plain state: nothing here waits or sends.

use std::sync::Arc;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};

use crate::control::{Counts, Id};
use crate::wire::key::Key;

/// How a process stands to a key that it has in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has no claim: the value is from `off`, or there is none yet.
    Unclaimed,
    /// It owns this generation.
    Owned(u64),
    /// It owns this generation, and is giving it back: no operation begins.
    Leaving(u64),
    /// It has a copy of what Redis had.
    Copy,
}

/// A key in memory.
#[derive(Debug)]
pub struct Entry<V> {
    /// The value; none when it is deleted or was never set.
    pub value: Option<Arc<V>>,
    /// When the value expires by Redis' clock. 0: never.
    pub expires_ms: u64,
    /// Sequence of the value, issued by the owner.
    pub seq: u64,
    /// Operation that wrote it.
    pub op: Id,
    /// Highest sequence that Redis has said to have.
    pub stored: u64,
    /// How the process stands to it.
    pub standing: Standing,
    /// Whether a claim is under way.
    pub claiming: bool,
    /// Operations that have changed memory and wait for Redis.
    pub busy: u32,
    /// When it was last used, on the monotonic clock.
    pub used: Duration,
    /// Whether this process wrote the value, rather than having read it with its claim.
    pub written_here: bool,
}

impl<V> Entry<V> {
    /// A key of which nothing is known.
    pub fn vacant(now: Duration) -> Self {
        Self {
            value: None,
            expires_ms: 0,
            seq: 0,
            op: Id::NONE,
            stored: 0,
            standing: Standing::Unclaimed,
            claiming: false,
            busy: 0,
            used: now,
            written_here: true,
        }
    }

    /// The generation that the process owns, also while it gives it back.
    pub fn generation(&self) -> Option<u64> {
        match self.standing {
            Standing::Owned(generation) | Standing::Leaving(generation) => Some(generation),
            Standing::Unclaimed | Standing::Copy => None,
        }
    }

    /// The value, if its time is not up.
    pub fn live(&self, now_ms: u64) -> Option<&Arc<V>> {
        self.value.as_ref().filter(|_| self.expires_ms == 0 || self.expires_ms > now_ms)
    }

    /// Whether Redis lacks the newest version of an owned key.
    pub fn is_dirty(&self) -> bool {
        self.generation().is_some() && self.stored < self.seq
    }
}

/// One map's keys in one process.
pub struct Memory<V> {
    entries: IndexMap<Key, Entry<V>>,
    owed: IndexSet<Key>,
    held: u64,
    owned: u64,
    dirty: u64,
    written: u64,
    unclaimed: u64,
}

impl<V> Default for Memory<V> {
    fn default() -> Self {
        let (entries, owed) = (IndexMap::new(), IndexSet::new());
        Self { entries, owed, held: 0, owned: 0, dirty: 0, written: 0, unclaimed: 0 }
    }
}

impl<V> Memory<V> {
    /// A key, if it is in memory.
    pub fn get(&self, key: &Key) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// All keys in memory.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Entry<V>)> {
        self.entries.iter()
    }

    /// Changes a key that is in memory.
    pub fn edit<T>(&mut self, key: &Key, change: impl FnOnce(&mut Entry<V>) -> T) -> Option<T> {
        let entry = self.entries.get_mut(key)?;
        let before = Share::of(entry);
        let result = change(entry);
        let after = Share::of(entry);
        self.account(before, after);
        Some(result)
    }

    /// Changes a key, which comes into memory if it is not there.
    pub fn enter<T>(&mut self, key: &Key, now: Duration, change: impl FnOnce(&mut Entry<V>) -> T) -> T {
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::vacant(now));
        let before = Share::of(entry);
        let result = change(entry);
        let after = Share::of(entry);
        self.account(before, after);
        result
    }

    /// Takes a key out of memory, and what is owed of it.
    pub fn remove(&mut self, key: &Key) -> Option<Entry<V>> {
        self.owed.swap_remove(key);
        let entry = self.entries.swap_remove(key)?;
        self.account(Share::of(&entry), Share::default());
        Some(entry)
    }

    /// Changes all keys; those for which it says `false` go.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &mut Entry<V>) -> bool) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|key, entry| keep(key, entry));
        self.owed.retain(|key| entries.contains_key(key));
        (self.held, self.owned, self.dirty, self.written, self.unclaimed) = (0, 0, 0, 0, 0);
        for entry in entries.values() {
            self.account(Share::default(), Share::of(entry));
        }
        self.entries = entries;
    }

    /// Redis has to be told of a key.
    pub fn owe(&mut self, key: &Key) {
        if self.entries.contains_key(key) {
            self.owed.insert(key.clone());
        }
    }

    /// Redis has to be told of every owned key that it may lack.
    pub fn owe_dirty(&mut self) {
        let dirty = self.entries.iter().filter(|(_, entry)| entry.is_dirty()).map(|(key, _)| key.clone());
        self.owed.extend(dirty);
    }

    /// Takes up to so many keys of which Redis has to be told.
    pub fn take_owed(&mut self, most: usize) -> Vec<Key> {
        let rest = self.owed.split_off(most.min(self.owed.len()));
        std::mem::replace(&mut self.owed, rest).into_iter().collect()
    }

    /// Whether nothing is owed.
    pub fn owes_nothing(&self) -> bool {
        self.owed.is_empty()
    }

    /// Whether Redis has everything.
    pub fn is_stored(&self) -> bool {
        self.owed.is_empty() && self.dirty == 0 && self.unclaimed == 0
    }

    /// Keys with a value that are not claimed.
    pub fn unclaimed(&self) -> Vec<Key> {
        let is_unclaimed = |entry: &Entry<V>| entry.standing == Standing::Unclaimed && entry.value.is_some();
        self.entries.iter().filter(|(_, entry)| is_unclaimed(entry)).map(|(key, _)| key.clone()).collect()
    }

    /// Up to so many keys from this place on for which `wanted` says so, and the place after the last one looked at;
    /// it looks at no more than `most`.
    pub fn window(&self, from: usize, most: usize, wanted: impl Fn(&Entry<V>) -> bool) -> (Vec<Key>, usize) {
        let from = if from < self.entries.len() { from } else { 0 };
        let until = (from + most).min(self.entries.len());
        let looked_at = (from..until).filter_map(|place| self.entries.get_index(place));
        (looked_at.filter(|(_, entry)| wanted(entry)).map(|(key, _)| key.clone()).collect(), until)
    }

    /// What is counted here.
    pub fn count(&self) -> Counts {
        Counts {
            held: self.held,
            owned: self.owned,
            stored: self.written - self.dirty,
            dirty: self.dirty,
            owed: self.owed.len() as u64,
            unclaimed: self.unclaimed,
            ..Counts::default()
        }
    }

    fn account(&mut self, before: Share, after: Share) {
        let change = |count: &mut u64, was: bool, is: bool| *count = *count + u64::from(is) - u64::from(was);
        change(&mut self.held, before.held, after.held);
        change(&mut self.owned, before.owned, after.owned);
        change(&mut self.dirty, before.dirty, after.dirty);
        change(&mut self.written, before.written, after.written);
        change(&mut self.unclaimed, before.unclaimed, after.unclaimed);
    }
}

/// What one key adds to the counts.
#[derive(Clone, Copy, Default)]
struct Share {
    held: bool,
    owned: bool,
    dirty: bool,
    written: bool,
    unclaimed: bool,
}

impl Share {
    fn of<V>(entry: &Entry<V>) -> Self {
        let (held, owned) = (entry.value.is_some(), entry.generation().is_some());
        let unclaimed = held && entry.standing == Standing::Unclaimed;
        Self { held, owned, dirty: entry.is_dirty(), written: owned && entry.seq > 0, unclaimed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u32) -> Key {
        Key::new("k:", &id.to_string())
    }

    #[test]
    fn counts_follow_every_change() {
        let mut memory = Memory::default();
        memory.enter(&key(1), Duration::ZERO, |entry| entry.value = Some(Arc::new("a")));
        assert_eq!((memory.count().held, memory.count().unclaimed, memory.is_stored()), (1, 1, false));
        memory.edit(&key(1), |entry| (entry.standing, entry.seq) = (Standing::Owned(1), 1));
        let Counts { owned, stored, unclaimed, dirty, .. } = memory.count();
        assert_eq!((owned, stored, unclaimed, dirty), (1, 0, 0, 1));
        memory.owe_dirty();
        assert_eq!(memory.take_owed(9), [key(1)]);
        memory.edit(&key(1), |entry| entry.stored = 1);
        assert!(memory.is_stored());
        assert_eq!(memory.count().stored, 1);
        memory.owe(&key(1));
        memory.owe(&key(2));
        assert_eq!(memory.count().owed, 1, "an unknown key is not owed");
        assert!(memory.remove(&key(1)).is_some());
        assert_eq!((memory.count(), memory.owes_nothing()), (Counts::default(), true));
    }

    #[test]
    fn counts_are_right_after_a_sweep() {
        let mut memory = Memory::default();
        for id in 0..10 {
            memory.enter(&key(id), Duration::ZERO, |entry| {
                (entry.value, entry.seq, entry.standing) = (Some(Arc::new(id)), 1, Standing::Owned(1));
            });
            memory.owe(&key(id));
        }
        memory.retain(|_, entry| {
            entry.standing = Standing::Unclaimed;
            entry.value.as_deref().is_some_and(|id| id % 2 == 0)
        });
        let Counts { held, owned, owed, unclaimed, .. } = memory.count();
        assert_eq!((held, owned, owed, unclaimed, memory.unclaimed().len()), (5, 0, 5, 5, 5));
    }
}
