//! Operations in `primary-new` and later: by any process, compare-and-set on what was read (C5, C15, C16).

use std::sync::Arc;
use std::time::Duration;

use super::held::{Held, count, expiry};
use super::owner::permit_holds;
use super::{Attempt, Change, PAUSE};
use crate::control::Id;
use crate::error::Refused;
use crate::memory::Standing;
use crate::node::Permit;
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::lock;
use crate::wire::call::{Call, Failure, Reply, Version, Write, Written};
use crate::wire::key::Key;

/// A key's content with the sequence and the operation that a write must name.
struct Seen<V> {
    value: Option<Arc<V>>,
    seq: u64,
    op: Id,
    expires_ms: u64,
    /// Whether it comes from Redis just now.
    fresh: bool,
}

/// What a write came to.
enum Outcome<V> {
    /// It is done, under this sequence.
    Done(u64),
    /// Somebody was faster: what is there now, if it was told.
    Retry(Option<Seen<V>>),
    /// The phase has changed.
    Stale,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Reads a key from Redis.
    pub async fn read_open(&self, permit: &Permit<P>, key: &Key) -> Result<Option<Arc<V>>, Refused> {
        let seen = self.look(permit, key).await?;
        self.keep_copy(permit, key, &seen);
        Ok(seen.value)
    }

    async fn look(&self, permit: &Permit<P>, key: &Key) -> Result<Seen<V>, Refused> {
        let record = self.read_record(permit, key).await.map_err(|failure| self.shared.refuse(failure))?;
        self.note_vanished(&record);
        self.seen(&record.version)
    }

    fn seen(&self, version: &Version) -> Result<Seen<V>, Refused> {
        let Version { seq, op, expires_ms, .. } = *version;
        Ok(Seen { value: self.decode(version)?, seq, op, expires_ms, fresh: true })
    }

    /// Changes a key in Redis.
    pub async fn change_open<T: Send>(
        &self,
        permit: &Permit<P>,
        key: &Key,
        deadline: Duration,
        change: &mut (impl FnMut(Option<&V>) -> (Change<V>, T) + Send + ?Sized),
    ) -> Result<Attempt<T>, Refused> {
        let op = self.shared.port.random();
        let mut seen = match self.copy(permit, key) {
            Some(copy) => copy,
            None => self.look(permit, key).await?,
        };
        loop {
            let (change, result) = change(seen.value.as_deref());
            let (value, ttl) = match change {
                Change::Keep if seen.fresh => return Ok(Attempt::Done(result)),
                Change::Keep => {
                    seen = self.look(permit, key).await?;
                    continue;
                }
                Change::Set(value, ttl) => (Some(Arc::new(value)), ttl),
                Change::Delete => (None, None),
            };
            let expires_ms = expiry(self.shared.now_ms(), ttl);
            let bytes = value.as_deref().map(|value| self.encode(value)).transpose()?;
            let version = Version { seq: 0, op, value: bytes, expires_ms };
            match self.write_open(permit, key, (seen.seq, seen.op), version, deadline).await? {
                Outcome::Done(seq) => {
                    self.keep_copy(permit, key, &Seen { value, seq, op, expires_ms, fresh: true });
                    permit_holds(permit)?;
                    return Ok(Attempt::Done(result));
                }
                Outcome::Retry(Some(found)) => seen = found,
                Outcome::Retry(None) => seen = self.look(permit, key).await?,
                Outcome::Stale => return Ok(Attempt::Again),
            }
            if self.shared.port.now() >= deadline {
                return Err(self.shared.refuse("other instances change this key all the time"));
            }
        }
    }

    /// Writes where the version is still the one that was read. While the outcome is not known the very same write is
    /// sent again: Redis tells a second copy from a first by its operation.
    async fn write_open(
        &self,
        permit: &Permit<P>,
        key: &Key,
        (base, base_op): (u64, Id),
        mut version: Version,
        deadline: Duration,
    ) -> Result<Outcome<V>, Refused> {
        let expiring_sidecar = permit.view.phase == Phase::Done;
        let bytes = version.value.as_ref().map_or(0, |value| value.len() as u64);
        let mut lost: Option<String> = None;
        loop {
            let caller = self.shared.caller(permit.view);
            let (key, content) = (key.clone(), version.clone());
            let write = Write { key, caller, base, base_op, version: content, expiring_sidecar };
            let written = match self.shared.call(Call::Write(write)).await {
                Ok(Reply::Written(written)) => written,
                Ok(other) => {
                    return Err(Refused::unknown(format!("an answer to another question: {other:?}")));
                }
                Err(Failure::Refused(cause)) if lost.is_none() => return Err(self.shared.refuse(cause)),
                Err(Failure::Refused(cause) | Failure::Unknown(cause)) => {
                    if self.shared.port.now() + PAUSE >= deadline {
                        self.shared.refuse("");
                        return Err(Refused::Unknown(cause));
                    }
                    lost = Some(cause);
                    if planted(Bug::ResendWithNewOperation) {
                        (version.op, lost) = (self.shared.port.random(), None);
                    }
                    self.shared.port.sleep(PAUSE).await;
                    continue;
                }
            };
            return match (written, lost) {
                (Written::Applied(seq) | Written::Same(seq), _) => {
                    count(&self.tally.writes);
                    self.tally.bytes.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
                    Ok(Outcome::Done(seq))
                }
                // The first copy may have been applied, and others have written since.
                (_, Some(cause)) => Err(Refused::Unknown(cause)),
                (Written::Retry(record), None) => Ok(Outcome::Retry(Some(self.seen(&record.version)?))),
                (Written::Stale, None) => {
                    self.shared.poke.notify_one();
                    Ok(Outcome::Stale)
                }
                (Written::Late, None) => {
                    self.shared.poke.notify_one();
                    Ok(Outcome::Retry(None))
                }
            };
        }
    }

    /// What memory has a copy of.
    fn copy(&self, permit: &Permit<P>, key: &Key) -> Option<Seen<V>> {
        if permit.view.phase != Phase::PrimaryNew {
            return None;
        }
        let now_ms = self.shared.now_ms();
        let memory = lock(&self.memory);
        let entry = memory.get(key).filter(|entry| entry.standing == Standing::Copy)?;
        let value = entry.live(now_ms).cloned();
        Some(Seen { value, seq: entry.seq, op: entry.op, expires_ms: entry.expires_ms, fresh: false })
    }

    /// Keeps a copy of what Redis has: it saves the next change a read, and is never served as the truth.
    fn keep_copy(&self, permit: &Permit<P>, key: &Key, seen: &Seen<V>) {
        if permit.view.phase != Phase::PrimaryNew {
            return;
        }
        let now = self.shared.port.now();
        let mut memory = lock(&self.memory);
        // An evicted process begins with nothing: a copy of before would count as held since `off`.
        if !permit.is_current() {
            return;
        }
        if seen.value.is_none() {
            memory.remove(key);
            return;
        }
        memory.enter(key, now, |entry| {
            if entry.standing != Standing::Copy || entry.seq <= seen.seq {
                (entry.value, entry.seq, entry.op) = (seen.value.clone(), seen.seq, seen.op);
                (entry.expires_ms, entry.standing, entry.used) = (seen.expires_ms, Standing::Copy, now);
            }
        });
    }
}
