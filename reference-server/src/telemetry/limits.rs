//! Requests that were one too many.

use metrics::{Key, Label, Recorder};

use super::{METADATA, Telemetry};

impl Telemetry {
    /// One request or event that was refused.
    pub fn rate_limited(&self, action: &'static str) {
        let total = Key::from_parts("rate_limited_total", vec![Label::new("action", action)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
    }
}
