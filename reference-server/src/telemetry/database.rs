//! Connections to a database, and the commands that go over them.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Recorder};

use super::{METADATA, Telemetry, labelled, named};

/// The reading connections of the embedded store: how many there are, and how many are in use.
pub struct PoolState {
    in_use: Gauge,
}

/// A connection in use; it is free again when this is dropped.
pub struct Lent {
    in_use: Gauge,
}

impl PoolState {
    /// A pool of so many connections.
    pub fn of(telemetry: &Telemetry, connections: usize) -> Self {
        gauge(telemetry, "store_pool_size").set(connections as f64);
        Self { in_use: gauge(telemetry, "store_pool_in_use") }
    }

    /// One is in use from now on.
    pub fn lend(&self) -> Lent {
        self.in_use.increment(1);
        Lent { in_use: self.in_use.clone() }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.in_use.decrement(1);
    }
}

fn gauge(telemetry: &Telemetry, name: &'static str) -> Gauge {
    telemetry.recorder.register_gauge(&named(name), &METADATA)
}

/// A driver's pool, which tells what happens in it.
pub struct Pool {
    size: Gauge,
    in_use: Gauge,
    waiting: Gauge,
    waits: Histogram,
    refused: Counter,
    cleared: Counter,
}

impl Pool {
    /// The pools of the MongoDB driver, of all members together.
    pub fn mongodb(telemetry: &Telemetry) -> Self {
        let Telemetry { recorder, .. } = telemetry;
        let counter = |name| recorder.register_counter(&named(name), &METADATA);
        Self {
            size: gauge(telemetry, "mongodb_pool_size"),
            in_use: gauge(telemetry, "mongodb_pool_in_use"),
            waiting: gauge(telemetry, "mongodb_pool_waiting"),
            waits: recorder.register_histogram(&named("mongodb_pool_checkout_seconds"), &METADATA),
            refused: counter("mongodb_pool_checkout_failures_total"),
            cleared: counter("mongodb_pool_cleared_total"),
        }
    }

    /// A connection is there.
    pub fn opened(&self) {
        self.size.increment(1);
    }

    /// A connection is gone.
    pub fn closed(&self) {
        self.size.decrement(1);
    }

    /// A call wants a connection.
    pub fn asked(&self) {
        self.waiting.increment(1);
    }

    /// It got one, after waiting so long.
    pub fn lent(&self, waited: Duration) {
        self.waiting.decrement(1);
        self.waits.record(waited);
        self.in_use.increment(1);
    }

    /// It got none.
    pub fn refused(&self) {
        self.waiting.decrement(1);
        self.refused.increment(1);
    }

    /// A connection is free again, or was closed while it was lent.
    pub fn returned(&self) {
        self.in_use.decrement(1);
    }

    /// All connections were given up, because the server seems to be gone.
    pub fn cleared(&self) {
        self.cleared.increment(1);
    }
}

/// Commands to MongoDB.
pub struct Commands {
    telemetry: Arc<Telemetry>,
}

impl Commands {
    /// Counts them here.
    pub fn new(telemetry: &Arc<Telemetry>) -> Self {
        Self { telemetry: Arc::clone(telemetry) }
    }

    /// One command has ended.
    pub fn ended(&self, command: String, ok: bool, took: Duration) {
        let outcome = if ok { "ok" } else { "error" };
        let recorder = &self.telemetry.recorder;
        let total = labelled("mongodb_commands_total", [("command", &command), ("outcome", outcome)]);
        recorder.register_counter(&total, &METADATA).increment(1);
        let label = vec![Label::new("command", command)];
        let seconds = Key::from_parts("mongodb_command_duration_seconds", label);
        recorder.register_histogram(&seconds, &METADATA).record(took);
    }
}
