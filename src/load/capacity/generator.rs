//! The generator watches itself: how late its timers fire, and how much of the machine it uses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::step::Generator;
use crate::load::metrics::host;
use crate::lock::lock;

/// Between two timers that are looked at.
const TICK: Duration = Duration::from_millis(5);
/// A timer that is later than this says no more than one that is this late.
const LATEST: Duration = Duration::from_secs(60);

/// A watch that runs until it is asked.
#[derive(Debug)]
pub struct GeneratorWatch {
    begun: Instant,
    cpu_seconds: Option<f64>,
    lags: Arc<Mutex<Histogram<u64>>>,
    ticker: JoinHandle<()>,
}

impl GeneratorWatch {
    /// Begins. Its timers stand in the same queues as those of the users.
    #[expect(clippy::expect_used, reason = "two digits is a valid precision")]
    pub fn start() -> Self {
        let latest = LATEST.as_micros() as u64;
        let lags = Histogram::new_with_max(latest, 2).expect("a valid precision");
        let lags = Arc::new(Mutex::new(lags));
        let ticker = tokio::spawn(tick(Arc::clone(&lags)));
        Self { begun: Instant::now(), cpu_seconds: host::own_cpu_seconds(), lags, ticker }
    }

    /// What was seen since the beginning.
    pub fn end(self) -> Generator {
        self.ticker.abort();
        let lags = lock(&self.lags);
        let lag_p99 = (!lags.is_empty()).then(|| lags.value_at_quantile(0.99));
        let passed = self.begun.elapsed().as_secs_f64().max(1e-3);
        let used = self.cpu_seconds.zip(host::own_cpu_seconds()).map(|(before, now)| now - before);
        let cpu_percent = used.map(|seconds| 100.0 * seconds / passed / host::cores());
        Generator { lag_p99, cpu_percent, faults: Vec::new() }
    }
}

async fn tick(lags: Arc<Mutex<Histogram<u64>>>) {
    loop {
        let due = Instant::now() + TICK;
        sleep(TICK).await;
        let late = due.elapsed().as_micros().max(1) as u64;
        lock(&lags).saturating_record(late);
    }
}
