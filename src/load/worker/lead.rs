//! The lead: hands out the work, starts everybody at once, adds up and judges. It makes no load itself.
//!
//! A worker that is lost takes its users along: the run goes on without them, and is inconclusive.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::message::{Job, Order, Report};
use super::{Said, Word, Worker};
use crate::config::duration::humanize;
use crate::load::observer::Observer;
use crate::load::onlooker::Audience;
use crate::load::report::LoadReport;
use crate::load::run::{LoadError, Progress};
use crate::load::scenario::Plan;
use crate::load::scenario::template::epoch_micros;
use crate::load::section;

/// A worker that beats once a second and was not heard of for so long is lost.
const SILENCE: Duration = Duration::from_secs(15);
/// Between two looks at who is silent.
const LOOK: Duration = Duration::from_secs(1);

/// What is granted to workers.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long they may take to be there with their users.
    pub muster: Duration,
    /// How long before the start they are told of it.
    pub lead: Duration,
}

impl Terms {
    /// To processes of this machine.
    pub const HERE: Self = Self { muster: Duration::from_secs(120), lead: Duration::from_millis(300) };

    /// To workers on other machines, who may have to be started first.
    pub fn elsewhere(muster: Duration) -> Self {
        Self { muster, lead: Duration::from_secs(3) }
    }
}

/// Why workers did not make load.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// One of them refused.
    #[error("{worker}: {why}")]
    Refused {
        /// Which one.
        worker: String,
        /// Why.
        why: String,
        /// Whether the target could not be reached.
        is_unreachable: bool,
    },
    /// They did not get ready.
    #[error("not ready within {}: {}", humanize(*.patience), .names.join(", "))]
    Slow {
        /// How long they were waited for.
        patience: Duration,
        /// Who.
        names: Vec<String>,
    },
    /// Somebody interrupted before it had begun.
    #[error("interrupted before the load had begun")]
    Interrupted,
    /// What is done once, before the load, could not be done.
    #[error(transparent)]
    Section(#[from] Box<LoadError>),
    /// They could not be started.
    #[error("{0}")]
    NotStarted(String),
}

/// What the lead of a run knows of its workers.
struct Lead {
    workers: Vec<Worker>,
    states: Vec<State>,
    observer: Observer,
    lost: Vec<String>,
    start: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Working { heard: Instant },
    Done,
    Lost,
}

/// Runs `plan` with these workers, who get `job` each with a share of its own.
pub async fn run(
    plan: Arc<Plan>,
    job: &Job,
    workers: Vec<Worker>,
    mut said: mpsc::Receiver<Said>,
    terms: Terms,
    interrupt: CancellationToken,
    audience: Audience<impl FnMut(&Progress)>,
) -> Result<LoadReport, WorkerError> {
    let Audience { mut watch, onlookers } = audience;
    let mut observer = Observer::new(Arc::clone(&plan), workers.len()).before(onlookers);
    let before = section::before(&plan, &[], &interrupt).await.map_err(Box::new)?;
    let given = before.map(|done| observer.add(done)).unwrap_or_default();
    hand_out(&workers, &Job { given: given.clone(), ..job.clone() }).await;
    tokio::select! {
        ready = all_ready(&workers, &mut said, terms.muster) => ready?,
        () = interrupt.cancelled() => return Err(WorkerError::Interrupted),
    }
    let at_epoch_micros = epoch_micros() + terms.lead.as_micros() as u64;
    let start = Instant::now() + terms.lead;
    observer.begin(start);
    let mut lead = Lead::new(observer, workers, start);
    lead.tell_all(&Order::Start { at_epoch_micros }).await;
    lead.listen(&mut said, &interrupt, &mut watch).await;
    if let Some(done) = section::after(&plan, &[], &given, &interrupt).await {
        lead.observer.add(done);
    }
    Ok(lead.observer.finish(interrupt.is_cancelled(), lead.lost))
}

async fn hand_out(workers: &[Worker], job: &Job) {
    let count = workers.len() as u32;
    for (worker, index) in workers.iter().zip(0..) {
        let share = crate::load::share::Share { index, count };
        // Every worker connects from addresses of its own.
        let sources = job.sources.iter().copied().skip(index as usize).step_by(workers.len()).collect();
        let job = Job { share, sources, ..job.clone() };
        worker.orders.send(Order::Job(Box::new(job))).await.ok();
    }
}

async fn all_ready(
    workers: &[Worker],
    said: &mut mpsc::Receiver<Said>,
    patience: Duration,
) -> Result<(), WorkerError> {
    let mut ready = vec![false; workers.len()];
    let waiting = async {
        while ready.contains(&false) {
            let Some(Said { worker, word }) = said.recv().await else { break };
            let name = || workers[worker].name.clone();
            match word {
                Word::Report(Report::Ready) => ready[worker] = true,
                Word::Report(Report::Refused { why, is_unreachable }) => {
                    return Err(WorkerError::Refused { worker: name(), why, is_unreachable });
                }
                Word::Gone(why) => {
                    return Err(WorkerError::Refused { worker: name(), why, is_unreachable: false });
                }
                Word::Report(Report::Beat(_) | Report::Done) => {}
            }
        }
        Ok(())
    };
    match tokio::time::timeout(patience, waiting).await {
        Ok(result) => result,
        Err(_) => {
            let slow = workers.iter().zip(&ready).filter(|(_, is_ready)| !**is_ready);
            Err(WorkerError::Slow { patience, names: slow.map(|(worker, _)| worker.name.clone()).collect() })
        }
    }
}

impl Lead {
    fn new(observer: Observer, workers: Vec<Worker>, start: Instant) -> Self {
        let states = vec![State::Working { heard: start }; workers.len()];
        Self { workers, states, observer, lost: Vec::new(), start }
    }

    async fn listen(
        &mut self,
        said: &mut mpsc::Receiver<Said>,
        interrupt: &CancellationToken,
        watch: &mut impl FnMut(&Progress),
    ) {
        let mut look = tokio::time::interval_at(self.start + LOOK, LOOK);
        let mut is_told = false;
        while self.states.iter().any(|state| matches!(state, State::Working { .. })) {
            tokio::select! {
                heard = said.recv() => match heard {
                    Some(Said { worker, word }) => self.take(worker, word).await,
                    None => return,
                },
                _ = look.tick() => {
                    self.miss_the_silent();
                    watch(&self.observer.progress(self.start.elapsed(), None));
                }
                () = interrupt.cancelled(), if !is_told => {
                    is_told = true;
                    self.tell_all(&Order::Interrupt).await;
                }
            }
        }
    }

    async fn take(&mut self, worker: usize, word: Word) {
        if !matches!(self.states[worker], State::Working { .. }) {
            return;
        }
        self.states[worker] = State::Working { heard: Instant::now() };
        match word {
            Word::Report(Report::Beat(beat)) => {
                if self.observer.take(worker, *beat) {
                    self.tell_all(&Order::Stop).await;
                }
            }
            Word::Report(Report::Done) => self.states[worker] = State::Done,
            Word::Report(Report::Refused { why, .. }) | Word::Gone(why) => self.lose(worker, &why),
            Word::Report(Report::Ready) => {}
        }
    }

    fn miss_the_silent(&mut self) {
        for worker in 0..self.states.len() {
            if matches!(self.states[worker], State::Working { heard } if heard.elapsed() > SILENCE) {
                self.lose(worker, &format!("not heard of for {} s", SILENCE.as_secs()));
            }
        }
    }

    fn lose(&mut self, worker: usize, why: &str) {
        self.states[worker] = State::Lost;
        self.observer.lose(worker);
        let (name, at) = (&self.workers[worker].name, self.start.elapsed().as_secs());
        self.lost.push(format!("{name} was lost after {at} s, and its users with it: {why}"));
    }

    async fn tell_all(&self, order: &Order) {
        for worker in &self.workers {
            worker.orders.send(order.clone()).await.ok();
        }
    }
}
