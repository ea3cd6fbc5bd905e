//! Counts and times of a run: HDR histograms at microsecond resolution, one shard per thread.
//!
//! A user records into the shard of the thread it happens to run on, so the lock of a shard is almost
//! never waited for; shards are added up when somebody looks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::scenario::plan::MetricId;
use crate::clients::ClientError;
use crate::text::excerpt;

/// Times beyond an hour count as an hour.
const MAX_MICROS: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// Causes of failure are few; should a server invent new words each time, the rest is added up.
const MAX_CAUSES: usize = 200;

/// What one step came to.
#[derive(Debug)]
pub struct Sample {
    /// When its answer was there, or its time was over.
    pub ended: Instant,
    /// From the moment the step was due.
    pub response: Duration,
    /// From the moment it was really begun.
    pub service: Duration,
}

/// Why a step failed: a stable word for the count, and the first case of it in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The cause.
    pub cause: String,
    /// What exactly happened.
    pub detail: String,
    /// Whether an answer came or its time ran out: only then is there a time to speak of.
    pub is_timed: bool,
}

impl Failure {
    /// A failure that an answer gave cause for.
    pub fn answered(cause: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { cause: cause.into(), detail: detail.into(), is_timed: true }
    }
}

impl From<&ClientError> for Failure {
    fn from(error: &ClientError) -> Self {
        let is_timed = matches!(error, ClientError::Timeout(_));
        Self { cause: error.cause(), detail: error.to_string(), is_timed }
    }
}

/// All counts and times of a run.
#[derive(Debug)]
pub struct Recorder {
    script: MetricId,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug)]
struct Shard {
    rows: Vec<Row>,
    failures: HashMap<(MetricId, String), FailureCount>,
    lag: Histogram<u64>,
    iterations: u64,
    late_starts: u64,
    last: Option<Instant>,
}

/// One row's counts and times.
#[derive(Debug, Clone)]
pub struct Row {
    /// Steps that were done, well or not.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// From the moment a step was due, in microseconds.
    pub response: Histogram<u64>,
    /// From the moment it was begun, in microseconds.
    pub service: Histogram<u64>,
}

/// How often a row failed for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// How often.
    pub count: u64,
    /// The first case.
    pub sample: String,
}

/// The sum of all shards.
#[derive(Debug)]
pub struct Totals {
    /// The rows, by metric.
    pub rows: Vec<Row>,
    /// The failures, by metric and cause, most frequent first.
    pub failures: Vec<((MetricId, String), FailureCount)>,
    /// How much later than asked timers fired, in microseconds.
    pub lag: Histogram<u64>,
    /// Scenarios gone through to their end.
    pub iterations: u64,
    /// Arrivals that had to wait for a free user.
    pub late_starts: u64,
    /// When the last step was done.
    pub last: Option<Instant>,
}

/// The counts alone, cheap enough to look at several times a second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Steps done.
    pub done: u64,
    /// Those that failed.
    pub errors: u64,
}

impl Recorder {
    /// A recorder for `rows` metrics and as many threads as the machine has. One more row counts the
    /// steps that could not even be begun, see [`Self::script_error`].
    pub fn new(rows: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { script: rows, shards: (0..threads).map(|_| Mutex::new(Shard::new(rows + 1))).collect() }
    }

    /// Records a step that went well.
    pub fn success(&self, metric: MetricId, sample: &Sample) {
        self.shard().add(metric, sample);
    }

    /// Records something sent that nobody answers.
    pub fn sent(&self, metric: MetricId) {
        self.shard().rows[metric].count += 1;
    }

    /// Records a step that failed.
    pub fn failure(&self, metric: MetricId, sample: &Sample, failure: Failure) {
        let mut shard = self.shard();
        shard.rows[metric].errors += 1;
        if failure.is_timed {
            shard.add(metric, sample);
        } else {
            shard.rows[metric].count += 1;
        }
        shard.count_failure(metric, failure);
    }

    /// Records a connection that broke while nothing was asked of it: an error of its row, and no step.
    pub fn loss(&self, metric: MetricId, failure: Failure) {
        let mut shard = self.shard();
        shard.rows[metric].errors += 1;
        shard.count_failure(metric, failure);
    }

    /// Records a step whose expressions had no value.
    pub fn script_error(&self, error: &str) {
        let nothing = Sample { ended: Instant::now(), response: Duration::ZERO, service: Duration::ZERO };
        let cause = "script error".to_owned();
        self.failure(self.script, &nothing, Failure { cause, detail: error.to_owned(), is_timed: false });
    }

    /// Records how much later than asked a timer fired.
    pub fn lag(&self, lag: Duration) {
        self.shard().lag.record(micros(lag)).ok();
    }

    /// Records a scenario gone through to its end.
    pub fn iteration(&self) {
        self.shard().iterations += 1;
    }

    /// Records an arrival that had to wait for a free user.
    pub fn late_start(&self) {
        self.shard().late_starts += 1;
    }

    /// The counts of the rows in `metrics`.
    pub fn counts(&self, metrics: &[MetricId]) -> Counts {
        let mut counts = Counts::default();
        for shard in &self.shards {
            let shard = lock(shard);
            for row in metrics.iter().filter_map(|metric| shard.rows.get(*metric)) {
                counts.done += row.count;
                counts.errors += row.errors;
            }
        }
        counts
    }

    /// Forgets all that was recorded: a warm-up is over.
    pub fn forget(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            *shard = Shard::new(shard.rows.len());
        }
    }

    /// Everything, added up.
    pub fn totals(&self) -> Totals {
        let mut shards = self.shards.iter().map(lock);
        let mut sum = Shard::new(0);
        if let Some(first) = shards.next() {
            sum.rows.clone_from(&first.rows);
            sum.absorb_side_counts(&first);
        }
        for shard in shards {
            sum.rows.iter_mut().zip(&shard.rows).for_each(|(row, more)| row.absorb(more));
            sum.absorb_side_counts(&shard);
        }
        let mut failures: Vec<_> = sum.failures.into_iter().collect();
        failures.sort_by(|(a, left), (b, right)| right.count.cmp(&left.count).then_with(|| a.cmp(b)));
        Totals {
            rows: sum.rows,
            failures,
            lag: sum.lag,
            iterations: sum.iterations,
            late_starts: sum.late_starts,
            last: sum.last,
        }
    }

    fn shard(&self) -> MutexGuard<'_, Shard> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        lock(&self.shards[THREAD.with(|thread| *thread) % self.shards.len()])
    }
}

impl Shard {
    fn new(rows: usize) -> Self {
        Self {
            rows: vec![Row::new(); rows],
            failures: HashMap::new(),
            lag: histogram(),
            iterations: 0,
            late_starts: 0,
            last: None,
        }
    }

    fn add(&mut self, metric: MetricId, sample: &Sample) {
        self.rows[metric].add(sample);
        self.last = self.last.max(Some(sample.ended));
    }

    fn count_failure(&mut self, metric: MetricId, failure: Failure) {
        let is_full = self.failures.len() >= MAX_CAUSES;
        let mut key = (metric, failure.cause);
        if is_full && !self.failures.contains_key(&key) {
            key.1 = "other causes".to_owned();
        }
        let first = || FailureCount { count: 0, sample: excerpt(&failure.detail) };
        self.failures.entry(key).or_insert_with(first).count += 1;
    }

    fn absorb_side_counts(&mut self, other: &Self) {
        for (key, failure) in &other.failures {
            let known = self.failures.entry(key.clone());
            known.or_insert_with(|| FailureCount { count: 0, ..failure.clone() }).count += failure.count;
        }
        absorb(&mut self.lag, &other.lag);
        self.iterations += other.iterations;
        self.late_starts += other.late_starts;
        self.last = self.last.max(other.last);
    }
}

impl Row {
    /// A row without samples.
    pub fn new() -> Self {
        Self { count: 0, errors: 0, response: histogram(), service: histogram() }
    }

    fn add(&mut self, sample: &Sample) {
        self.count += 1;
        self.response.record(micros(sample.response)).ok();
        self.service.record(micros(sample.service)).ok();
    }

    /// Adds another row to this one.
    pub fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        absorb(&mut self.response, &other.response);
        absorb(&mut self.service, &other.service);
    }
}

/// A panic while a lock was held cannot leave a count half-written.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::expect_used, reason = "three digits is a valid precision; auto-resize never fails to add")]
fn histogram() -> Histogram<u64> {
    Histogram::new(SIGNIFICANT_DIGITS).expect("a valid precision")
}

#[expect(clippy::expect_used, reason = "a resizable histogram takes any other of its kind")]
fn absorb(sum: &mut Histogram<u64>, more: &Histogram<u64>) {
    sum.add(more).expect("a resizable histogram");
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(MAX_MICROS).clamp(1, MAX_MICROS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Failure, Recorder, Sample};

    fn sample(millis: u64) -> Sample {
        Sample {
            ended: Instant::now(),
            response: Duration::from_millis(millis),
            service: Duration::from_millis(millis / 2),
        }
    }

    #[test]
    fn shards_add_up_to_what_all_threads_recorded() {
        let recorder = Arc::new(Recorder::new(2));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (1..=1_000).for_each(|ms| recorder.success(0, &sample(ms))));
                scope.spawn(|| {
                    let timeout = Failure::answered("timeout", "no answer within 10s");
                    recorder.failure(1, &sample(10_000), timeout);
                });
            }
        });
        let totals = recorder.totals();
        assert_eq!((totals.rows[0].count, totals.rows[1].errors), (8_000, 8));
        assert_eq!(totals.rows[0].response.value_at_quantile(0.5) / 10_000, 50);
        assert_eq!(totals.failures[0].1.count, 8);
        assert_eq!(recorder.counts(&[0, 1]).done, 8_008);
    }

    #[test]
    fn a_failure_without_an_answer_has_no_time() {
        let recorder = Recorder::new(1);
        let failure = Failure { is_timed: false, ..Failure::answered("connection refused", "") };
        recorder.failure(0, &sample(1), failure);
        let totals = recorder.totals();
        assert_eq!((totals.rows[0].count, totals.rows[0].errors, totals.rows[0].response.len()), (1, 1, 0));
    }

    #[test]
    fn ever_new_causes_do_not_grow_without_bound() {
        let recorder = Recorder::new(1);
        for i in 0..10_000 {
            recorder.failure(0, &sample(1), Failure::answered(format!("cause {i}"), ""));
        }
        let totals = recorder.totals();
        assert!(totals.failures.len() <= 202);
        assert_eq!(totals.failures.iter().map(|(_, failure)| failure.count).sum::<u64>(), 10_000);
    }
}
