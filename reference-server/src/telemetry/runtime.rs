//! How late the runtime is: a task that asks to be woken every 100 ms measures how much later it was.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Telemetry;

const PERIOD: Duration = Duration::from_millis(100);

/// Wake-ups over which the maximum is taken: ten seconds.
const WINDOW: u32 = 100;

/// Measures until it is dropped. It also empties the histograms' buffers, once a second.
pub async fn watch(telemetry: Arc<Telemetry>) {
    let mut worst = Duration::ZERO;
    for turn in (1..=u32::MAX).cycle() {
        let due = Instant::now() + PERIOD;
        sleep_until(due).await;
        let lag = due.elapsed();
        telemetry.runtime_lags.record(lag);
        worst = worst.max(lag);
        telemetry.runtime_lag.set(worst);
        if turn % WINDOW == 0 {
            worst = Duration::ZERO;
        }
        if turn % 10 == 0 {
            telemetry.handle.run_upkeep();
        }
    }
}
