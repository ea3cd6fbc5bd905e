//! Is it well? Probes systems over their own protocols, side by side, each with its own time limit.
//!
//! [`target`] says what to probe, [`probe`] asks, [`report`] holds the answers and the verdict.
//! Nothing here prints or knows the command line.

pub mod probe;
pub mod report;
pub mod target;

use std::time::{Duration, Instant};

use futures_util::future::join_all;

pub use report::{HealthReport, State};
pub use target::Check;

/// The pause between two rounds of a wait: short at first, so that a fast start is seen at once.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Probes everything once, concurrently.
pub async fn probe_all(checks: &[Check], timeout: Duration) -> HealthReport {
    let started = Instant::now();
    let answers = join_all(checks.iter().map(|check| probe::run(check, timeout))).await;
    HealthReport::new(answers, started.elapsed())
}

/// Probes again and again until everything is well or `patience` has passed. Returns the last round;
/// `progress` sees every round.
pub async fn wait_until_well(
    checks: &[Check],
    timeout: Duration,
    patience: Duration,
    mut progress: impl FnMut(&HealthReport),
) -> HealthReport {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = patience.saturating_sub(started.elapsed());
        let mut report = probe_all(checks, timeout.min(left.max(FIRST_PAUSE))).await;
        report.elapsed_ms = report::milliseconds(started.elapsed());
        progress(&report);
        if report.state <= State::Warning || started.elapsed() + pause >= patience {
            return report;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
