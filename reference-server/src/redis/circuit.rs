//! The circuit breaker: after some failures in a row, calls fail at once until the keeper has seen Redis work
//! again. Each change is logged once, shown by the metrics and told to whoever follows.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::watch;

use crate::telemetry::Telemetry;

/// Closed: calls are made. Open: they are not.
pub struct Circuit {
    failures_to_open: u32,
    streak: AtomicU32,
    closed: watch::Sender<bool>,
    telemetry: Arc<Telemetry>,
}

impl Circuit {
    /// An open circuit: nobody has answered yet.
    pub fn open(failures_to_open: u32, telemetry: Arc<Telemetry>) -> Self {
        telemetry.redis_circuit(true);
        let failures_to_open = failures_to_open.max(1);
        Self { failures_to_open, streak: AtomicU32::new(0), closed: watch::Sender::new(false), telemetry }
    }

    /// Whether calls are made.
    pub fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// A call succeeded: failures before it were not in a row with those after it.
    pub fn succeeded(&self) {
        if self.streak.load(Ordering::Relaxed) != 0 {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    /// A call failed.
    pub fn failed(&self, cause: &impl Display) {
        let streak = self.streak.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if streak >= self.failures_to_open && self.turn(false) {
            tracing::warn!(%cause, failures = streak, "Redis is away: the circuit opens");
        }
    }

    /// Redis works.
    pub fn close(&self) {
        self.streak.store(0, Ordering::Relaxed);
        if self.turn(true) {
            tracing::info!("Redis is there: the circuit closes");
        }
    }

    /// Whether that was a change.
    fn turn(&self, closed: bool) -> bool {
        let changed = self.closed.send_if_modified(|now| std::mem::replace(now, closed) != closed);
        if changed {
            self.telemetry.redis_circuit(!closed);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> Circuit {
        let circuit = Circuit::open(3, Arc::new(Telemetry::new(None)));
        circuit.close();
        circuit
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let circuit = closed();
        for _ in 0..10 {
            circuit.failed(&"late");
            circuit.failed(&"late");
            circuit.succeeded();
        }
        assert!(circuit.is_closed());
        for _ in 0..3 {
            circuit.failed(&"late");
        }
        assert!(!circuit.is_closed());
    }

    #[test]
    fn it_stays_open_until_it_is_closed_and_then_counts_anew() {
        let circuit = closed();
        (0..3).for_each(|_| circuit.failed(&"gone"));
        circuit.succeeded();
        assert!(!circuit.is_closed(), "a late answer does not close it");
        circuit.close();
        (0..2).for_each(|_| circuit.failed(&"gone"));
        assert!(circuit.is_closed());
    }

    #[test]
    fn followers_are_told_of_changes_only() {
        let circuit = closed();
        let mut seen = circuit.watch();
        circuit.close();
        assert!(!seen.has_changed().unwrap());
        (0..9).for_each(|_| circuit.failed(&"gone"));
        assert!(!*seen.borrow_and_update());
        assert!(!seen.has_changed().unwrap());
    }
}
