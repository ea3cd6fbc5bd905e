//! What the cache found, and what writes made it drop.

use metrics::{Key, Label, Recorder};

use super::{METADATA, Telemetry, labelled, named};

impl Telemetry {
    /// One look into the cache.
    pub fn cache_request(&self, class: &'static str, outcome: &'static str) {
        let total = labelled("cache_requests_total", [("class", class), ("outcome", outcome)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
    }

    /// One entity whose copies were dropped.
    pub fn cache_invalidation(&self, class: &'static str) {
        let total = Key::from_parts("cache_invalidations_total", vec![Label::new("class", class)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
    }

    /// Copies in this process.
    pub fn cache_entries(&self, entries: u64) {
        self.recorder.register_gauge(&named("cache_entries"), &METADATA).set(entries as f64);
    }
}
