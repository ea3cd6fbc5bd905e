//! The map that an application uses.
//!
//! Who serves an operation depends on the phase: this process's memory (`off`), the key's owner (`owner`), or Redis
//! with compare-and-set (`open`). An operation sees one phase from its beginning to its end.

mod claim;
mod compare;
mod conflict;
mod give;
mod held;
mod holdings;
mod open;
mod owner;
mod read;
mod repair;
mod ward;

use std::sync::Arc;
use std::time::Duration;

use self::held::Held;
use crate::error::Refused;
use crate::node::{Permit, Shared, Ward};
use crate::phase::Service;
use crate::port::Port;
use crate::spec::MapSpec;
use crate::sync::lock;
use crate::wire::key::Key;

/// What becomes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<V> {
    /// It stays as it is.
    Keep,
    /// It gets this value, which lives this long (none: for ever).
    Set(V, Option<Duration>),
    /// It is deleted.
    Delete,
}

/// What an attempt at an operation came to.
enum Attempt<T> {
    /// It is done.
    Done(T),
    /// Nothing was done: once more, perhaps in another phase.
    Again,
}

/// Pause before another attempt: a change of phase or of the owner is under way.
const PAUSE: Duration = Duration::from_millis(5);

/// A typed map with the phase machine inside. Clones share it.
pub struct Map<V, P> {
    held: Arc<Held<V, P>>,
}

impl<V, P> Clone for Map<V, P> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held) }
    }
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Map<V, P> {
    pub(crate) fn new(shared: Arc<Shared<P>>, spec: MapSpec<V>) -> Self {
        Self { held: Arc::new(Held::new(shared, spec)) }
    }

    pub(crate) fn ward(&self) -> Arc<dyn Ward> {
        Arc::clone(&self.held) as Arc<dyn Ward>
    }

    /// What the key has.
    ///
    /// # Errors
    /// In `off` none but that the process is not registered. See [`Refused`].
    pub async fn get(&self, id: &str) -> Result<Option<Arc<V>>, Refused> {
        let (held, key) = (&*self.held, self.key(id));
        let deadline = held.deadline();
        loop {
            let permit = held.shared.enter(deadline).await?;
            let attempt = match permit.view.phase.service() {
                Service::Memory => Attempt::Done(held.read_memory(&key)),
                Service::Owner | Service::StrictOwner => held.read_owned(&permit, &key, deadline).await?,
                Service::Redis => Attempt::Done(held.read_open(&permit, &key).await?),
            };
            match attempt {
                Attempt::Done(value) => return Ok(value),
                Attempt::Again => self.pause(permit, deadline).await?,
            }
        }
    }

    /// Reads a key and changes it in one step. `change` may run again when another process was faster, so it must
    /// do nothing else. What it returns beside the change is handed out when the change is acknowledged.
    ///
    /// # Errors
    /// In `off` none but that the process is not registered. See [`Refused`].
    pub async fn update<T: Send>(
        &self,
        id: &str,
        mut change: impl FnMut(Option<&V>) -> (Change<V>, T) + Send,
    ) -> Result<T, Refused> {
        let (held, key) = (&*self.held, self.key(id));
        let deadline = held.deadline();
        loop {
            let permit = held.shared.enter(deadline).await?;
            let attempt = match permit.view.phase.service() {
                Service::Memory => Attempt::Done(held.change_memory(&key, &mut change)),
                Service::Owner | Service::StrictOwner => {
                    held.change_owned(&permit, &key, deadline, &mut change).await?
                }
                Service::Redis => held.change_open(&permit, &key, deadline, &mut change).await?,
            };
            match attempt {
                Attempt::Done(value) => return Ok(value),
                Attempt::Again => self.pause(permit, deadline).await?,
            }
        }
    }

    /// Sets a key whatever it has.
    ///
    /// # Errors
    /// See [`Self::update`].
    pub async fn set(&self, id: &str, value: V, ttl: Option<Duration>) -> Result<(), Refused> {
        self.update(id, |_| (Change::Set(value.clone(), ttl), ())).await
    }

    /// Deletes a key; tells whether it was there.
    ///
    /// # Errors
    /// See [`Self::update`].
    pub async fn remove(&self, id: &str) -> Result<bool, Refused> {
        self.update(id, |now| if now.is_some() { (Change::Delete, true) } else { (Change::Keep, false) })
            .await
    }

    /// Sets a key that was never used before by anybody: an identifier just made. Unlike [`Self::update`] it
    /// succeeds from `dual` to `shadow` also while Redis is away.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn insert_new(&self, id: &str, value: V, ttl: Option<Duration>) -> Result<(), Refused> {
        let key = self.key(id);
        let permit = self.held.shared.enter(self.held.deadline()).await?;
        if self.held.shared.is_away() && self.held.keep_new(&permit, &key, &value, ttl) {
            return Ok(());
        }
        drop(permit);
        match self.set(id, value.clone(), ttl).await {
            Err(Refused::Unavailable(cause)) => {
                let permit = self.held.shared.enter(self.held.deadline()).await?;
                let kept = self.held.keep_new(&permit, &key, &value, ttl);
                if kept { Ok(()) } else { Err(Refused::Unavailable(cause)) }
            }
            other => other,
        }
    }

    /// What this process has of a key in memory: its own, or a copy which may be old. Never waits.
    pub fn peek(&self, id: &str) -> Option<Arc<V>> {
        self.held.read_memory(&self.key(id))
    }

    /// All that this process has in memory: its own keys, and in `primary-new` copies, which may be old.
    pub fn local(&self) -> Vec<(String, Arc<V>)> {
        let now_ms = self.held.shared.now_ms();
        let memory = lock(&self.held.memory);
        let live = memory.iter().filter_map(|(key, entry)| {
            let value = entry.live(now_ms)?;
            Some((key.id(self.held.spec.prefix)?, Arc::clone(value)))
        });
        live.collect()
    }

    fn key(&self, id: &str) -> Key {
        Key::new(self.held.spec.prefix, id)
    }

    /// Leaves, so that a change of phase is not held up, and comes back in a moment.
    async fn pause(&self, permit: Permit<P>, deadline: Duration) -> Result<(), Refused> {
        drop(permit);
        let port = &*self.held.shared.port;
        if port.now() >= deadline {
            return Err(self.held.shared.refuse("the key's owner did not give it back in time"));
        }
        port.sleep(PAUSE).await;
        Ok(())
    }
}
