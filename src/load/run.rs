//! A run: checks what the machine and the target allow, lets goose run the users, watches, ends it.
//!
//! goose spawns and joins the virtual users; each of them is one goose user with one transaction that
//! lasts its whole life. Schedule, measurement and output are ours, so goose's metrics, its display, its
//! logger, its controllers and its signal handler are all kept off (see `goose_configuration`).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionResult};
use goose::{GooseAttack, GooseError};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::engine::{Shared, Stop, VirtualUser};
use super::recorder::Counts;
use super::report::{LoadReport, Observed};
use super::scenario::Plan;
use super::scenario::plan::MetricKind;
use super::schedule::Load;
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};
use crate::limits::{self, DescriptorShortage};

/// How long the target may take to accept the first connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);
/// Between the word that load starts and its start, so that every user has heard it.
const LEAD: Duration = Duration::from_millis(100);
/// After the load's end, how long a step that is under way may take.
const GRACE: Duration = Duration::from_secs(10);
/// The same after Ctrl-C.
const INTERRUPT_GRACE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

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
    pub counts: Counts,
}

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
    /// Somebody interrupted before it had begun.
    #[error("interrupted before the load had begun")]
    Interrupted,
    /// The user runner ended before it was told to.
    #[error("the virtual users ended before the load did")]
    EndedEarly,
    /// The user runner refused.
    #[error("the virtual users could not be started: {0}")]
    Goose(#[from] Box<GooseError>),
}

/// What of a run is measured.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// How long load lasted, without the warm-up.
    load: Duration,
    /// The warm-up, as far as it went.
    warm_up: Duration,
    /// Iterations that were begun in it.
    warm_up_begun: u64,
}

/// Runs `plan` to its end or until `interrupt`; `watch` sees the progress.
pub async fn run(
    plan: Arc<Plan>,
    interrupt: CancellationToken,
    watch: impl FnMut(&Progress),
) -> Result<LoadReport, LoadError> {
    run_after(plan, Duration::ZERO, interrupt, watch).await
}

/// The same, where the first `warm_up` of the load is not measured.
pub async fn run_after(
    plan: Arc<Plan>,
    warm_up: Duration,
    interrupt: CancellationToken,
    mut watch: impl FnMut(&Progress),
) -> Result<LoadReport, LoadError> {
    limits::ensure_descriptors(u64::from(plan.load.users()) * plan.connections_per_user())?;
    let connector = tokio::select! {
        connector = reach(&plan) => connector?,
        () = interrupt.cancelled() => return Err(LoadError::Interrupted),
    };
    let stop = Stop { interrupt: interrupt.clone(), ..Stop::default() };
    let shared = Arc::new(Shared::new(Arc::clone(&plan), connector, stop));
    let mut attack = tokio::spawn(attack(Arc::clone(&shared)));
    let measured = tokio::select! {
        measured = supervise(&shared, warm_up, &mut watch) => measured,
        // goose ends when it is told to; earlier, it has failed.
        early = &mut attack => return Err(ended(early).err().unwrap_or(LoadError::EndedEarly)),
    };
    dismiss(&mut attack, &interrupt).await?;
    Ok(LoadReport::new(&plan, observe(&shared, measured)))
}

/// What was seen. Steps that were finished after the end belong to the time that they took.
fn observe(shared: &Shared, measured: Measured) -> Observed {
    let totals = shared.recorder.totals();
    let start = shared.start.get().map(|start| *start + measured.warm_up);
    let last = totals.last.zip(start).map(|(last, start)| last.saturating_duration_since(start));
    let arrivals = match &shared.plan.load {
        Load::Open { shape, .. } => Some(shape.arrivals().saturating_sub(measured.warm_up_begun)),
        Load::Closed(_) => None,
    };
    Observed {
        measured: last.unwrap_or_default().max(measured.load),
        totals,
        is_interrupted: shared.stop.interrupt.is_cancelled(),
        arrivals,
        begun: shared.begun.load(Ordering::Relaxed),
        broken_users: shared.broken.load(Ordering::Relaxed),
    }
}

/// Ends goose. It forgets a stop that comes before its own start, so it is told until it has ended; after an
/// interrupt nobody waits for it any longer than that.
async fn dismiss(
    attack: &mut JoinHandle<Result<(), GooseError>>,
    interrupt: &CancellationToken,
) -> Result<(), LoadError> {
    let deadline = Instant::now() + INTERRUPT_GRACE;
    while !attack.is_finished() {
        if interrupt.is_cancelled() && Instant::now() > deadline {
            return Ok(());
        }
        goose::trigger_killswitch("the run is over");
        tokio::time::sleep(TICK / 10).await;
    }
    ended(attack.await)
}

/// What became of goose. A panic of its is one of ours.
fn ended(attack: Result<Result<(), GooseError>, JoinError>) -> Result<(), LoadError> {
    match attack {
        Ok(result) => Ok(result.map_err(Box::new)?),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Looks the target up and connects once.
async fn reach(plan: &Plan) -> Result<Connector, LoadError> {
    let reached = within(REACH_TIMEOUT, async {
        let connector = Connector::resolve(&plan.target).await?;
        connector.connect().await?;
        Ok(connector)
    });
    let target = || plan.target.origin().ascii_serialization();
    reached.await.map_err(|source| LoadError::Unreachable { target: target(), source })
}

/// Lets all users start at once, watches until they are done, the time is over, or somebody interrupts, and
/// lets them finish.
async fn supervise(shared: &Shared, warm_up: Duration, watch: &mut impl FnMut(&Progress)) -> Measured {
    let interrupt = &shared.stop.interrupt;
    tokio::select! {
        () = all_ready(shared) => {}
        () = interrupt.cancelled() => {}
    }
    let start = Instant::now() + LEAD;
    shared.start.set(start).ok();
    let mut measured = Measured { load: Duration::ZERO, warm_up: Duration::ZERO, warm_up_begun: 0 };
    tokio::select! {
        () = watch_load(shared, start, warm_up, &mut measured, watch) => {}
        () = interrupt.cancelled() => {}
    }
    let load = Instant::now().saturating_duration_since(start).min(shared.plan.load.duration());
    measured.load = load.saturating_sub(measured.warm_up);
    tokio::select! {
        () = finish(shared) => {}
        () = async {
            interrupt.cancelled().await;
            shared.stop.soft.cancel();
            until_done(shared, INTERRUPT_GRACE).await;
        } => {}
    }
    shared.stop.hard.cancel();
    // What the hard stop interrupts still has to be counted.
    until_done(shared, INTERRUPT_GRACE).await;
    measured
}

/// goose makes users one by one; the clock starts when all are there, so that its pace is nobody's delay.
async fn all_ready(shared: &Shared) {
    while shared.ready.load(Ordering::Acquire) < shared.plan.load.users() {
        tokio::time::sleep(TICK / 10).await;
    }
}

async fn watch_load(
    shared: &Shared,
    start: Instant,
    warm_up: Duration,
    measured: &mut Measured,
    watch: &mut impl FnMut(&Progress),
) {
    let exchanges = exchanges(&shared.plan);
    let end = start + shared.plan.load.duration();
    let mut tick = tokio::time::interval_at(start, TICK);
    while !is_done(shared) && tick.tick().await < end {
        if measured.warm_up.is_zero() && !warm_up.is_zero() && start.elapsed() >= warm_up {
            shared.recorder.forget();
            measured.warm_up_begun = shared.begun.swap(0, Ordering::Relaxed);
            measured.warm_up = start.elapsed();
        }
        watch(&progress(shared, start, &exchanges));
    }
}

/// What is under way at the end: in the open model each scenario that was begun, in the closed one each step.
async fn finish(shared: &Shared) {
    if matches!(shared.plan.load, Load::Open { .. }) {
        until_done(shared, GRACE).await;
    }
    shared.stop.soft.cancel();
    until_done(shared, GRACE).await;
}

async fn until_done(shared: &Shared, patience: Duration) {
    let deadline = Instant::now() + patience;
    while !is_done(shared) && Instant::now() < deadline {
        tokio::time::sleep(TICK / 10).await;
    }
}

fn is_done(shared: &Shared) -> bool {
    shared.finished.load(Ordering::Acquire) >= shared.plan.load.users()
}

fn progress(shared: &Shared, start: Instant, exchanges: &[usize]) -> Progress {
    let total = shared.plan.load.duration();
    let elapsed = start.elapsed().min(total);
    let phase = shared.plan.phases.iter().find(|(end, _)| elapsed <= *end);
    Progress {
        phase: phase.map(|(_, name)| name.clone()).unwrap_or_default(),
        elapsed,
        total,
        active: shared.active.load(Ordering::Relaxed),
        begun: shared.begun.load(Ordering::Relaxed),
        counts: shared.recorder.counts(exchanges),
    }
}

fn exchanges(plan: &Plan) -> Vec<usize> {
    let counted = |kind| matches!(kind, MetricKind::Exchange | MetricKind::Sent);
    let metrics = plan.metrics.iter().enumerate();
    metrics.filter(|(_, metric)| counted(metric.kind)).map(|(index, _)| index).collect()
}

/// goose from start to end. Its users come in any order; each takes the next number.
async fn attack(shared: Arc<Shared>) -> Result<(), GooseError> {
    let next = Arc::new(AtomicU32::new(0));
    let configuration = goose_configuration(&shared.plan);
    let life = Transaction::new(Arc::new(move |_: &mut GooseUser| {
        let (shared, index) = (Arc::clone(&shared), next.fetch_add(1, Ordering::Relaxed));
        Box::pin(whole_life(shared, index)) as Pin<Box<dyn Future<Output = TransactionResult> + Send>>
    }));
    let scenario = Scenario::new("virtual user").register_transaction(life);
    GooseAttack::initialize_with_config(configuration)?
        // One unused HTTP client for all: goose would otherwise build one for every user.
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?
        .register_scenario(scenario)
        .execute()
        .await
        .map(|_| ())
}

/// A goose transaction that ends would be started again at once: it waits for goose to end the run instead.
async fn whole_life(shared: Arc<Shared>, index: u32) -> TransactionResult {
    if index < shared.plan.load.users() {
        VirtualUser::new(shared, index).live().await;
    }
    tokio::time::sleep(TICK).await;
    Ok(())
}

/// goose, silent: no arguments read, no display, no files, no network of its own.
fn goose_configuration(plan: &Plan) -> GooseConfiguration {
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(plan.target.origin().ascii_serialization());
    configuration.users = Some(plan.load.users() as usize);
    configuration.increase_rate = Some("1000000".to_owned());
    configuration.quiet = 2;
    configuration.no_telnet = true;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration
}
