//! What is measured of background jobs.

use std::time::Duration;

use metrics::{Key, Label, Recorder};

use super::{METADATA, Telemetry, labelled};

impl Telemetry {
    /// A job was queued, or died.
    pub fn job(&self, queue: &str, event: &str) {
        let total = labelled("jobs_total", [("queue", queue), ("event", event)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
    }

    /// One attempt at a job.
    pub fn job_done(&self, queue: &str, ok: bool, took: Duration) {
        self.job(queue, if ok { "done" } else { "failed" });
        let seconds = Key::from_parts("job_duration_seconds", vec![Label::new("queue", queue.to_owned())]);
        self.recorder.register_histogram(&seconds, &METADATA).record(took);
    }
}
