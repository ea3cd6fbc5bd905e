//! Waiting, without a runtime: the simulation has one of its own.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use crate::port::Port;

/// No critical section here can leave its data half-changed, so a panic elsewhere does no harm.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the future gives before this time, or nothing.
pub async fn before<P: Port, T>(port: &P, deadline: Duration, work: impl Future<Output = T>) -> Option<T> {
    let left = deadline.saturating_sub(port.now());
    let (work, timer) = (std::pin::pin!(work), std::pin::pin!(port.sleep(left)));
    match select(work, timer).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// Waits until the condition gives something; it is asked again after each notification.
pub async fn until<T>(changed: &Notify, mut condition: impl FnMut() -> Option<T>) -> T {
    loop {
        let mut notified = std::pin::pin!(changed.notified());
        notified.as_mut().enable();
        if let Some(found) = condition() {
            return found;
        }
        notified.await;
    }
}
