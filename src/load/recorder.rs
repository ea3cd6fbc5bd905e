//! Where users record what they saw, while others do: one shard per thread.
//!
//! A user records into the shard of the thread it happens to run on, so the lock of a shard is almost
//! never waited for. Once a second all shards are emptied into one [`Tally`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::scenario::plan::MetricId;
use super::tally::Tally;
use crate::clients::ClientError;
use crate::lock::lock;
use crate::text::excerpt;

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

/// All counts and times since they were last asked for.
#[derive(Debug)]
pub struct Recorder {
    script: MetricId,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug)]
struct Shard {
    tally: Tally,
    last: Option<Instant>,
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
        self.shard().tally.rows[metric].count += 1;
    }

    /// Records what a cache said of an answer.
    pub fn cache(&self, metric: MetricId, is_hit: bool) {
        let row = &mut self.shard().tally.rows[metric];
        row.cache_answers += 1;
        row.cache_hits += u64::from(is_hit);
    }

    /// Records a step that failed.
    pub fn failure(&self, metric: MetricId, sample: &Sample, failure: Failure) {
        let mut shard = self.shard();
        shard.tally.rows[metric].errors += 1;
        if failure.is_timed {
            shard.add(metric, sample);
        } else {
            shard.tally.rows[metric].count += 1;
        }
        shard.count_failure(metric, failure);
    }

    /// Records a connection that broke while nothing was asked of it: an error of its row, and no step.
    pub fn loss(&self, metric: MetricId, failure: Failure) {
        let mut shard = self.shard();
        shard.tally.rows[metric].errors += 1;
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
        self.shard().tally.lag.record(lag);
    }

    /// Records a scenario gone through to its end.
    pub fn iteration(&self) {
        self.shard().tally.iterations += 1;
    }

    /// Records an arrival that had to wait for a free user.
    pub fn late_start(&self) {
        self.shard().tally.late_starts += 1;
    }

    /// Takes out what was recorded since the last time; `start` is when load started.
    pub fn drain(&self, start: Instant) -> Tally {
        let rows = self.script + 1;
        let mut sum = Tally::new(rows);
        for shard in &self.shards {
            let Shard { mut tally, last } = std::mem::replace(&mut *lock(shard), Shard::new(rows));
            tally.last = last.map(|last| last.saturating_duration_since(start));
            sum.absorb(&tally);
        }
        sum
    }

    /// Adds up a pair of counts of all that was recorded since the last time, and leaves it there.
    pub fn look(&self, pair: impl Fn(&Tally) -> (u64, u64)) -> (u64, u64) {
        let looks = self.shards.iter().map(|shard| pair(&lock(shard).tally));
        looks.fold((0, 0), |(a, b), (more_a, more_b)| (a + more_a, b + more_b))
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
        Self { tally: Tally::new(rows), last: None }
    }

    fn add(&mut self, metric: MetricId, sample: &Sample) {
        self.tally.rows[metric].add(sample.response, sample.service);
        self.last = self.last.max(Some(sample.ended));
    }

    fn count_failure(&mut self, metric: MetricId, failure: Failure) {
        let Failure { cause, detail, is_timed: _ } = failure;
        self.tally.failures.add(metric, cause, 1, || excerpt(&detail));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Failure, Recorder, Sample};
    use crate::load::tally::Tally;

    fn sample(millis: u64) -> Sample {
        Sample {
            ended: Instant::now(),
            response: Duration::from_millis(millis),
            service: Duration::from_millis(millis / 2),
        }
    }

    /// Whoever empties the shards while others record loses nothing and counts nothing twice.
    #[test]
    fn what_is_taken_out_adds_up_to_what_all_threads_recorded() {
        let (recorder, start) = (Arc::new(Recorder::new(2)), Instant::now());
        let mut sum = Tally::new(3);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        for ms in 1..=1_000 {
                            recorder.success(0, &sample(ms));
                        }
                        recorder.failure(
                            1,
                            &sample(10_000),
                            Failure::answered("timeout", "no answer within 10s"),
                        );
                    })
                })
                .collect();
            while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                sum.absorb(&recorder.drain(start));
            }
        });
        sum.absorb(&recorder.drain(start));
        assert_eq!((sum.rows[0].count, sum.rows[1].errors), (8_000, 8));
        assert_eq!(sum.rows[0].response.histogram().value_at_quantile(0.5) / 10_000, 50);
        assert_eq!(sum.failures.by_frequency()[0].2.count, 8);
        assert!(sum.last.is_some());
        assert_eq!(recorder.drain(start), Tally::new(3));
    }

    #[test]
    fn a_failure_without_an_answer_has_no_time() {
        let recorder = Recorder::new(1);
        let failure = Failure { is_timed: false, ..Failure::answered("connection refused", "") };
        recorder.failure(0, &sample(1), failure);
        let tally = recorder.drain(Instant::now());
        let row = &tally.rows[0];
        assert_eq!((row.count, row.errors, row.response.is_empty()), (1, 1, true));
    }
}
