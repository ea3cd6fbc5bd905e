//! What a map of one process is made of, and how it serves from memory.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use tokio::sync::Notify;

use super::Change;
use super::compare::Compared;
use super::conflict::Aside;
use crate::control::Id;
use crate::error::Refused;
use crate::memory::{Entry, Memory, Standing};
use crate::node::{Permit, Shared};
use crate::phase::Phase;
use crate::port::Port;
use crate::spec::MapSpec;
use crate::sync::lock;
use crate::wire::call::{Bytes, Put, Version};
use crate::wire::key::Key;

/// Counts that only grow.
#[derive(Default)]
pub struct Tally {
    pub superseded: AtomicU64,
    pub bytes: AtomicU64,
    pub writes: AtomicU64,
    pub vanished: AtomicU64,
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A map of one process.
pub struct Held<V, P> {
    pub shared: Arc<Shared<P>>,
    pub spec: MapSpec<V>,
    pub memory: Mutex<Memory<V>>,
    /// A claim has ended, a key is free, or an operation that somebody waits for.
    pub changed: Notify,
    /// Something is owed.
    pub debts: Notify,
    pub asides: Mutex<IndexMap<Key, Aside<V>>>,
    /// Keys of which a claim has no answer: this process may own them without knowing.
    pub doubts: Mutex<IndexSet<Key>>,
    pub compared: Mutex<Compared>,
    pub tally: Tally,
    /// How often Redis was to be told of everything again.
    pub retellings: AtomicU64,
    /// How far tidying has come.
    pub tidied: AtomicUsize,
    /// Sequences of a process: what a planted bug uses.
    pub sequence: AtomicU64,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    pub fn new(shared: Arc<Shared<P>>, spec: MapSpec<V>) -> Self {
        Self {
            shared,
            spec,
            memory: Mutex::default(),
            changed: Notify::new(),
            debts: Notify::new(),
            asides: Mutex::default(),
            doubts: Mutex::default(),
            compared: Mutex::default(),
            tally: Tally::default(),
            retellings: AtomicU64::new(0),
            tidied: AtomicUsize::new(0),
            sequence: AtomicU64::new(0),
        }
    }

    /// When an operation that begins now is given up.
    pub fn deadline(&self) -> Duration {
        self.shared.port.now() + self.shared.settings.operation
    }

    /// What memory has.
    pub fn read_memory(&self, key: &Key) -> Option<Arc<V>> {
        let now_ms = self.shared.now_ms();
        lock(&self.memory).get(key).and_then(|entry| entry.live(now_ms)).cloned()
    }

    /// Changes memory, which is all there is in `off`.
    pub fn change_memory<T>(
        &self,
        key: &Key,
        change: &mut (impl FnMut(Option<&V>) -> (Change<V>, T) + ?Sized),
    ) -> T {
        let (now, now_ms) = (self.shared.port.now(), self.shared.now_ms());
        let mut memory = lock(&self.memory);
        let value = memory.get(key).and_then(|entry| entry.live(now_ms)).map(|value| &**value);
        let (change, result) = change(value);
        match change {
            Change::Keep => {}
            Change::Set(value, ttl) => memory.enter(key, now, |entry| {
                (entry.value, entry.expires_ms) = (Some(Arc::new(value)), expiry(now_ms, ttl));
            }),
            Change::Delete => {
                memory.remove(key);
            }
        }
        result
    }

    /// Keeps a key that nobody else can have while it cannot be claimed. It is claimed when Redis is back. Whether
    /// the phase allows it.
    pub fn keep_new(&self, permit: &Permit<P>, key: &Key, value: &V, ttl: Option<Duration>) -> bool {
        if !matches!(permit.view.phase, Phase::Dual | Phase::Backfill | Phase::Shadow) {
            return false;
        }
        let (now, now_ms) = (self.shared.port.now(), self.shared.now_ms());
        let mut memory = lock(&self.memory);
        let is_owned = memory.get(key).is_some_and(|entry| entry.generation().is_some());
        if is_owned || self.encode(value).is_err() {
            return false;
        }
        memory.enter(key, now, |entry| {
            (entry.value, entry.expires_ms) = (Some(Arc::new(value.clone())), expiry(now_ms, ttl));
        });
        memory.owe(key);
        drop(memory);
        self.debts.notify_one();
        true
    }

    /// Changes an owned key in memory: the next version of it.
    pub fn write_entry(&self, entry: &mut Entry<V>, change: Change<V>, op: Id) {
        let now_ms = self.shared.now_ms();
        entry.seq = self.next_sequence(entry.seq);
        entry.op = op;
        entry.written_here = true;
        entry.used = self.shared.port.now();
        (entry.value, entry.expires_ms) = match change {
            Change::Set(value, ttl) => (Some(Arc::new(value)), expiry(now_ms, ttl)),
            Change::Keep | Change::Delete => (None, 0),
        };
    }

    fn next_sequence(&self, seq: u64) -> u64 {
        use crate::plant::{Bug, planted};
        if planted(Bug::SequenceOfProcess) {
            return self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        }
        seq + 1
    }

    /// A value in bytes, before anything is done with it.
    pub fn encode(&self, value: &V) -> Result<Bytes, Refused> {
        self.spec.codec.encode(value).map_err(Refused::Unwritable)
    }

    /// What memory has of a key, as it is written. Every value of an owned key was encoded once, so it can be again.
    pub fn version(&self, entry: &Entry<V>) -> Version {
        let value = entry.value.as_ref().map(|value| self.spec.codec.encode(value).unwrap_or_default());
        Version { seq: entry.seq, op: entry.op, value, expires_ms: entry.expires_ms }
    }

    /// What Redis has of a key, read.
    pub fn decode(&self, version: &Version) -> Result<Option<Arc<V>>, Refused> {
        let Some(bytes) = &version.value else { return Ok(None) };
        self.spec.codec.decode(bytes).map(|value| Some(Arc::new(value))).map_err(Refused::Malformed)
    }

    /// Drops a key whose generation is not this process's any more, and what it had. One that is being given goes when
    /// the replicas have the release: a fail-over may bring the key back before.
    pub fn lose(&self, key: &Key, generation: u64) {
        count(&self.tally.superseded);
        let mut memory = lock(&self.memory);
        if memory.get(key).is_some_and(|entry| entry.standing == Standing::Owned(generation)) {
            memory.remove(key);
        }
        drop(memory);
        self.changed.notify_waiters();
    }

    /// Redis has this version of a key, said an answer to a call that was made after so many retellings. One of before
    /// the last may come from a server whose writes are gone.
    pub fn note_stored(&self, put: &Put, retellings: u64) {
        let mut memory = lock(&self.memory);
        if self.retellings.load(Ordering::Relaxed) != retellings {
            return;
        }
        memory.edit(&put.key, |entry| {
            if entry.generation() == Some(put.generation) {
                entry.stored = entry.stored.max(put.version.seq);
            }
        });
    }

    /// Redis has forgotten that this process owns a key, and in the phases in which memory counts nobody else can have
    /// what it has: it is claimed anew, and meets whatever else is found there as two values of one key (C6).
    pub fn unclaim(&self, key: &Key, generation: u64) {
        let mut memory = lock(&self.memory);
        let is_unclaimed = memory.edit(key, |entry| {
            let is_it = entry.generation() == Some(generation);
            if is_it {
                (entry.standing, entry.seq, entry.stored) = (Standing::Unclaimed, 0, 0);
            }
            is_it && entry.value.is_some()
        });
        if is_unclaimed == Some(true) {
            memory.owe(key);
        }
        drop(memory);
        self.debts.notify_one();
        self.changed.notify_waiters();
    }

    /// Whether Redis is known to have this version of a key, or a later one.
    pub fn has_stored(&self, key: &Key, generation: u64, seq: u64) -> bool {
        let memory = lock(&self.memory);
        memory.get(key).is_some_and(|entry| entry.generation() == Some(generation) && entry.stored >= seq)
    }

    /// Redis has to be told of a key.
    pub fn owe(&self, key: &Key) {
        lock(&self.memory).owe(key);
        self.debts.notify_one();
    }

    /// Whether the process owns a key, and gives it to nobody.
    pub fn owns(&self, key: &Key) -> bool {
        lock(&self.memory).get(key).is_some_and(|entry| matches!(entry.standing, Standing::Owned(_)))
    }
}

/// The latest expiry that Redis and the numbers of its scripts can tell: later ones are never.
const LATEST_EXPIRY_MS: u64 = 1 << 53;

/// When something that lives this long from now expires. Fixed once, and shipped as it is (C18).
pub fn expiry(now_ms: u64, ttl: Option<Duration>) -> u64 {
    let expires_ms = |ttl: Duration| now_ms.checked_add(ttl.as_millis().try_into().ok()?);
    ttl.and_then(expires_ms).filter(|at| *at <= LATEST_EXPIRY_MS).unwrap_or(0)
}
