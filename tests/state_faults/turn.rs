//! Leases and timeouts are real here: two migrations at a time, or the machine is what is tested.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Migrations that run at once.
const AT_ONCE: usize = 2;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to run one, until it is dropped.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Waits for it.
    pub fn take() -> Self {
        let mut running = running();
        while *running >= AT_ONCE {
            running = ENDED.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        *running += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *running() -= 1;
        ENDED.notify_one();
    }
}

fn running() -> MutexGuard<'static, usize> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
