//! Locks on counts and pictures.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what a panic cannot leave half-written: it stays good after one.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
