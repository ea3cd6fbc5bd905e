//! What Redis costs, and when it is away.

use std::time::Duration;

use metrics::{Key, Label, Recorder};

use super::{METADATA, Telemetry, labelled};

impl Telemetry {
    /// One call of Redis: `ok`, `timeout`, `failed`, `refused`, or `rejected` by the open circuit.
    pub fn redis_call(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        let total = labelled("redis_calls_total", [("operation", operation), ("outcome", outcome)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
        if outcome != "rejected" {
            let labels = vec![Label::new("operation", operation)];
            let seconds = Key::from_parts("redis_call_duration_seconds", labels);
            self.recorder.register_histogram(&seconds, &METADATA).record(took);
        }
    }

    /// Whether calls fail at once.
    pub fn redis_circuit(&self, open: bool) {
        self.set("redis_circuit_open", usize::from(open));
    }

    /// Whether messages of other instances arrive.
    pub fn redis_subscribed(&self, subscribed: bool) {
        self.set("redis_subscribed", usize::from(subscribed));
    }

    /// Messages of other instances, or for them, that were lost: `published` or `received`.
    pub fn redis_dropped(&self, direction: &'static str, count: u64) {
        let labels = vec![Label::new("direction", direction)];
        let total = Key::from_parts("redis_messages_dropped_total", labels);
        self.recorder.register_counter(&total, &METADATA).increment(count);
    }
}
