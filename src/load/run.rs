//! A run in this process: its users are mustered, started, listened to, and what they did is judged.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use goose::GooseError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::crew::{Crew, Task};
use super::engine::Stop;
use super::observer::Observer;
use super::onlooker::Audience;
use super::report::LoadReport;
use super::scenario::Plan;
use super::section::{after, before};
use super::share::Share;
use super::worker::WorkerError;
use super::worker::preflight::TooSmall;
use super::worker::remote::MeetingError;
use crate::clients::ClientError;
use crate::limits::DescriptorShortage;

/// Between the word that load starts and its start, so that every user has heard it.
const LEAD: Duration = Duration::from_millis(100);
/// Beats that wait to be taken in; more than one waits only when this process has no time for itself.
const BEATS: usize = 16;

/// Between two looks at the progress.
const LOOK: Duration = Duration::from_millis(100);

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not enough file descriptors.
    #[error(transparent)]
    Descriptors(#[from] DescriptorShortage),
    /// The target does not answer.
    #[error("{target} cannot be reached: {source}")]
    Unreachable {
        /// The target.
        target: String,
        /// Why.
        source: ClientError,
    },
    /// The section before the load did not get to its end.
    #[error("the load was not begun, because `before` failed: {0}")]
    Before(String),
    /// Somebody interrupted before it had begun.
    #[error("interrupted before the load had begun")]
    Interrupted,
    /// The user runner ended before it was told to.
    #[error("the virtual users ended before the load did")]
    EndedEarly,
    /// This machine is too small.
    #[error(transparent)]
    TooSmall(#[from] TooSmall),
    /// The workers did not make load.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The workers could not meet.
    #[error(transparent)]
    Meeting(#[from] MeetingError),
    /// The threads of the users could not be started.
    #[error("the threads that carry the virtual users could not be started: {0}")]
    Threads(io::Error),
    /// The user runner refused.
    #[error("the virtual users could not be started: {0}")]
    Goose(#[from] Box<GooseError>),
}

/// What the screen is told several times a second.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The name of the phase.
    pub phase: String,
    /// Time since the first user was due.
    pub elapsed: Duration,
    /// How long load lasts.
    pub total: Duration,
    /// Users within an iteration.
    pub active: u32,
    /// Iterations begun, those of the warm-up left out.
    pub begun: u64,
    /// Exchanges so far, those of the warm-up left out.
    pub done: u64,
    /// Those that failed.
    pub errors: u64,
}

/// Runs `plan` in this process to its end or until `interrupt`, from these addresses where any are given.
pub async fn run(
    plan: Arc<Plan>,
    sources: &[IpAddr],
    interrupt: CancellationToken,
    audience: Audience<impl FnMut(&Progress)>,
) -> Result<LoadReport, LoadError> {
    conduct(plan, Duration::ZERO, sources, interrupt, audience).await
}

/// The same, where the first `warm_up` of the load, in whole seconds, is not measured; `watch` sees the progress.
pub async fn run_after(
    plan: Arc<Plan>,
    warm_up: Duration,
    sources: &[IpAddr],
    interrupt: CancellationToken,
    watch: impl FnMut(&Progress),
) -> Result<LoadReport, LoadError> {
    conduct(plan, warm_up, sources, interrupt, Audience::of(watch)).await
}

async fn conduct(
    plan: Arc<Plan>,
    warm_up: Duration,
    sources: &[IpAddr],
    interrupt: CancellationToken,
    audience: Audience<impl FnMut(&Progress)>,
) -> Result<LoadReport, LoadError> {
    let Audience { mut watch, onlookers } = audience;
    let stop = Stop { interrupt: interrupt.clone(), ..Stop::default() };
    let before = before(&plan, sources, &interrupt).await?;
    let mut observer = Observer::after(Arc::clone(&plan), 1, warm_up).before(onlookers);
    let given = before.map(|done| observer.add(done)).unwrap_or_default();
    let task = Task { share: Share::WHOLE, sources: sources.to_vec(), given: given.clone() };
    let crew = Crew::muster(Arc::clone(&plan), task, stop.clone()).await?;
    let start = Instant::now() + LEAD;
    observer.begin(start);
    let (beats, mut heard) = mpsc::channel(BEATS);
    let lookout = crew.lookout();
    let work = crew.work(start, beats);
    tokio::pin!(work);
    let mut look = tokio::time::interval_at(start, LOOK);
    let mut done = None;
    loop {
        tokio::select! {
            biased;
            beat = heard.recv() => {
                let Some(beat) = beat else { break };
                if observer.take(0, beat) {
                    stop.soft.cancel();
                }
            }
            _ = look.tick() => watch(&observer.progress(start.elapsed(), Some(lookout.look()))),
            result = &mut work, if done.is_none() => done = Some(result),
        }
    }
    done.unwrap_or(Ok(()))?;
    if let Some(done) = after(&plan, sources, &given, &interrupt).await {
        observer.add(done);
    }
    Ok(observer.finish(interrupt.is_cancelled(), Vec::new()))
}
