//! The map that an application uses. (Skeleton: signatures only.)

use std::sync::Arc;
use std::time::Duration;

use crate::error::Refused;
use crate::port::Port;

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

/// A typed map with the phase machine inside. Clones share it.
pub struct Map<V, P> {
    _of: std::marker::PhantomData<fn(P) -> V>,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Map<V, P> {
    /// What the key has.
    ///
    /// # Errors
    /// In `off` none. See [`Refused`].
    pub async fn get(&self, _id: &str) -> Result<Option<Arc<V>>, Refused> {
        todo!()
    }

    /// Reads a key and changes it in one step. `change` may run again when another instance was faster, so it must
    /// do nothing else. What it returns beside the change is handed out when the change is acknowledged.
    ///
    /// # Errors
    /// In `off` none. See [`Refused`].
    pub async fn update<T: Send>(
        &self,
        _id: &str,
        _change: impl FnMut(Option<&V>) -> (Change<V>, T) + Send,
    ) -> Result<T, Refused> {
        todo!()
    }

    /// Sets a key that was never used before in any instance: an identifier just made. Unlike [`Self::update`] it
    /// succeeds from `dual` to `shadow` also while Redis is away.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn insert_new(&self, _id: &str, _value: V, _ttl: Option<Duration>) -> Result<(), Refused> {
        todo!()
    }

    /// What this process has of a key in memory: its own, or a copy which may be old. Never waits.
    pub fn peek(&self, _id: &str) -> Option<Arc<V>> {
        todo!()
    }

    /// All that this process has in memory: its own keys, and in `primary-new` copies, which may be old.
    pub fn local(&self) -> Vec<(String, Arc<V>)> {
        todo!()
    }
}
