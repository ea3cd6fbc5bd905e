//! Waiting for a condition, never for a while.

use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it answers, on a machine that runs other tests at the same time.
pub const STARTUP: Duration = Duration::from_secs(30);

/// How often a condition that cannot wake us is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Waits until `done`; false when the deadline passes first.
pub fn holds_within(deadline: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// Waits until `done`, and fails the test, saying `what` was awaited, when the deadline passes first.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, done: impl FnMut() -> bool) {
    assert!(holds_within(deadline, done), "after {deadline:?} still waiting for {what}");
}
