//! Waiting for a condition, never for a while.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a condition may take on a machine that runs other tests at the same time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Waits until it holds.
///
/// # Panics
/// When it does not within [`PATIENCE`], with what was awaited.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "after {PATIENCE:?} still waiting: {what}");
        sleep(POLL);
    }
}
