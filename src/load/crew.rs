//! The users of one process: made, started together, watched, brought to an end.
//!
//! goose spawns and joins; but one goose user costs 9 to 11 KiB before it does anything, so that its users
//! are carriers, one per processor, and each carries its part of the virtual users as plain tasks of a thread of their
//! own ([`Lane`]). Schedule, measurement and output are ours: goose's metrics, display, logger, controllers and signal
//! handler are off.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionResult};
use goose::{GooseAttack, GooseError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior};

use super::beat::{BEAT, Beat};
use super::engine::{Shared, Stop, VirtualUser};
use super::lane::Lane;
use super::observer::counts;
use super::run::LoadError;
use super::scenario::Plan;
use super::schedule::Load;
use super::section::Given;
use super::share::Share;
use super::vitals::Vitals;
use crate::clients::Connector;
use crate::clients::net::within;
use crate::limits;

/// How long the target may take to accept the first connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);
/// After the load's end, how long a step that is under way may take.
const GRACE: Duration = Duration::from_secs(10);
/// The same after Ctrl-C.
const INTERRUPT_GRACE: Duration = Duration::from_millis(500);
/// Between two looks at whether users are there or gone.
const LOOK: Duration = Duration::from_millis(10);
/// The longest time between two looks.
const LONGEST_LOOK: Duration = Duration::from_millis(250);
/// Users made before others of the thread have their turn.
const AT_ONCE: usize = 64;

/// What one process has to do.
#[derive(Debug)]
pub struct Task {
    /// Which part of the run.
    pub share: Share,
    /// Addresses to connect from; the system chooses when there are none.
    pub sources: Vec<IpAddr>,
    /// What the section before the load has set.
    pub given: Given,
}

/// How users are at this moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live {
    /// Users within an iteration.
    pub active: u32,
    /// Iterations begun, since the start.
    pub begun: u64,
    /// Exchanges since the last beat.
    pub done: u64,
    /// Those that failed.
    pub errors: u64,
}

/// Looks at users while they work.
#[derive(Debug, Clone)]
pub struct Lookout(Arc<Shared>);

impl Lookout {
    /// How they are now.
    pub fn look(&self) -> Live {
        let Self(shared) = self;
        let (done, errors) = shared.recorder.look(|tally| counts(&shared.plan, tally));
        Live {
            active: shared.active.load(Ordering::Relaxed),
            begun: shared.begun.load(Ordering::Relaxed),
            done,
            errors,
        }
    }
}

/// Users that are ready to start.
#[derive(Debug)]
pub struct Crew {
    shared: Arc<Shared>,
    attack: JoinHandle<Result<(), GooseError>>,
}

impl Crew {
    /// Checks what the machine and the target allow, and makes this share of the plan's users.
    pub async fn muster(plan: Arc<Plan>, task: Task, stop: Stop) -> Result<Self, LoadError> {
        let Task { share, sources, given } = task;
        let interrupt = stop.interrupt.clone();
        let users = share.of(plan.load.users().into());
        limits::ensure_descriptors(users * plan.connections_per_user())?;
        let connector = tokio::select! {
            connector = reach(&plan, &sources) => connector?,
            () = interrupt.cancelled() => return Err(LoadError::Interrupted),
        };
        let shared = Arc::new(Shared::new(plan, share, connector, stop));
        shared.given.set(given).ok();
        let lanes = lanes(&shared).map_err(LoadError::Threads)?;
        let attack = tokio::spawn(attack(Arc::clone(&shared), lanes));
        let mut crew = Self { shared, attack };
        tokio::select! {
            () = all_ready(&crew.shared) => {}
            () = interrupt.cancelled() => {}
            // goose ends when it is told to; earlier, it has failed.
            early = &mut crew.attack => return Err(ended(early).err().unwrap_or(LoadError::EndedEarly)),
        }
        Ok(crew)
    }

    /// Looks at them while they work.
    pub fn lookout(&self) -> Lookout {
        Lookout(Arc::clone(&self.shared))
    }

    /// Starts all users at `start` and tells `beats` what they do, until they are done.
    pub async fn work(mut self, start: Instant, beats: mpsc::Sender<Beat>) -> Result<(), LoadError> {
        self.shared.start.set(start).ok();
        let measured = {
            let supervised = supervise(&self.shared, start);
            tokio::pin!(supervised);
            let mut tick = tokio::time::interval_at(start + BEAT, BEAT);
            tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    measured = &mut supervised => break measured,
                    _ = tick.tick() => { beats.send(beat(&self.shared, start, None)).await.ok(); }
                    early = &mut self.attack => {
                        return Err(ended(early).err().unwrap_or(LoadError::EndedEarly));
                    }
                }
            }
        };
        beats.send(beat(&self.shared, start, Some(measured))).await.ok();
        dismiss(&mut self.attack, &self.shared.stop).await
    }
}

impl Drop for Crew {
    /// A crew that nobody waits for any more goes home, however far it had come.
    fn drop(&mut self) {
        self.shared.stop.hard.cancel();
    }
}

fn beat(shared: &Shared, start: Instant, measured: Option<Duration>) -> Beat {
    // A beat comes at its second's end, or a little later.
    let ended = start.elapsed().saturating_sub(BEAT / 2).as_secs();
    Beat {
        second: u32::try_from(ended).unwrap_or(u32::MAX),
        tally: shared.recorder.drain(start),
        active: shared.active.load(Ordering::Relaxed),
        begun: shared.begun.load(Ordering::Relaxed),
        broken_users: shared.broken.load(Ordering::Relaxed),
        spent: shared.spent.get().cloned(),
        vitals: Vitals::take(),
        accounts: measured.map(|_| Box::new(shared.accounts())),
        measured,
    }
}

/// Looks the target up and connects once.
pub async fn reach(plan: &Plan, sources: &[IpAddr]) -> Result<Connector, LoadError> {
    let reached = within(REACH_TIMEOUT, async {
        let connector = Connector::resolve(&plan.target).await?.with_sources(sources);
        connector.connect().await?;
        Ok(connector)
    });
    let target = || plan.target.origin().ascii_serialization();
    reached.await.map_err(|source| LoadError::Unreachable { target: target(), source })
}

/// goose makes carriers one by one; the clock starts when all users are there, so that its pace is nobody's delay.
async fn all_ready(shared: &Shared) {
    while shared.ready.load(Ordering::Acquire) < shared.users() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Watches until users are done, the time is over, or somebody stops them, and lets them finish. Returns how
/// long load lasted.
async fn supervise(shared: &Shared, start: Instant) -> Duration {
    let stop = &shared.stop;
    tokio::select! {
        () = until_done(shared, start + shared.plan.load.duration()) => {}
        () = stop.interrupt.cancelled() => {}
        () = stop.soft.cancelled() => {}
    }
    let measured = Instant::now().saturating_duration_since(start).min(shared.plan.load.duration());
    tokio::select! {
        () = finish(shared) => {}
        () = async {
            stop.interrupt.cancelled().await;
            stop.soft.cancel();
            until_done(shared, Instant::now() + INTERRUPT_GRACE).await;
        } => {}
    }
    stop.hard.cancel();
    // What the hard stop interrupts still has to be counted.
    until_done(shared, Instant::now() + INTERRUPT_GRACE).await;
    measured
}

/// What is under way at the end: in the open model each scenario that was begun, in the closed one each step.
async fn finish(shared: &Shared) {
    if matches!(shared.plan.load, Load::Open { .. }) && !shared.stop.soft.is_cancelled() {
        until_done(shared, Instant::now() + GRACE).await;
    }
    shared.stop.soft.cancel();
    until_done(shared, Instant::now() + GRACE).await;
}

/// Looks as often as a hundredth of what has passed asks for: a look wakes a thread, and a hundred of them a second
/// were a third of what a calm run took.
async fn until_done(shared: &Shared, deadline: Instant) {
    let begun = Instant::now();
    while shared.finished.load(Ordering::Acquire) < shared.users() && Instant::now() < deadline {
        let look = (begun.elapsed() / 100).clamp(LOOK, LONGEST_LOOK);
        tokio::time::sleep_until(deadline.min(Instant::now() + look)).await;
    }
}

/// Ends goose. It forgets a stop that comes before its own start, so it is told until it has ended; after an
/// interrupt nobody waits for it any longer than that.
async fn dismiss(attack: &mut JoinHandle<Result<(), GooseError>>, stop: &Stop) -> Result<(), LoadError> {
    let deadline = Instant::now() + INTERRUPT_GRACE;
    while !attack.is_finished() {
        if stop.interrupt.is_cancelled() && Instant::now() > deadline {
            return Ok(());
        }
        goose::trigger_killswitch("the run is over");
        tokio::time::sleep(LOOK).await;
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

/// goose from start to end. Its users come in any order; each takes the next number.
async fn attack(shared: Arc<Shared>, lanes: Vec<Lane>) -> Result<(), GooseError> {
    let next = Arc::new(AtomicU32::new(0));
    let configuration = goose_configuration(&shared.plan, lanes.len());
    let lanes: Arc<[Lane]> = lanes.into();
    let carry = Transaction::new(Arc::new(move |_: &mut GooseUser| {
        let (shared, lanes) = (Arc::clone(&shared), Arc::clone(&lanes));
        let carrier = next.fetch_add(1, Ordering::Relaxed);
        Box::pin(carry(shared, lanes, carrier)) as Pin<Box<dyn Future<Output = TransactionResult> + Send>>
    }));
    let scenario = Scenario::new("carrier").register_transaction(carry);
    GooseAttack::initialize_with_config(configuration)?
        // One unused HTTP client for all: goose would otherwise build one for every carrier.
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?
        .register_scenario(scenario)
        .execute()
        .await
        .map(|_| ())
}

/// One for each thread that this process may use.
fn lanes(shared: &Arc<Shared>) -> io::Result<Vec<Lane>> {
    let threads = Handle::current().metrics().num_workers();
    let wanted = threads.clamp(1, shared.users().max(1) as usize);
    (0..wanted).map(|number| Lane::start(number, gone(Arc::clone(shared)))).collect()
}

/// Ready when the users are gone, or nobody waits for them any longer.
async fn gone(shared: Arc<Shared>) {
    shared.stop.hard.cancelled().await;
    until_done(&shared, Instant::now() + INTERRUPT_GRACE).await;
}

/// Starts every user of a carrier on its lane. A goose transaction that ends would be started again at once: it waits
/// for goose to end the run instead.
async fn carry(shared: Arc<Shared>, lanes: Arc<[Lane]>, carrier: u32) -> TransactionResult {
    if let Some(lane) = lanes.get(carrier as usize) {
        let count = lanes.len();
        lane.spawn(async move {
            for (made, index) in (carrier..shared.users()).step_by(count).enumerate() {
                tokio::spawn(VirtualUser::new(Arc::clone(&shared), index).live());
                if made % AT_ONCE == AT_ONCE - 1 {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}

/// goose, silent: no arguments read, no display, no files, no network of its own.
fn goose_configuration(plan: &Plan, carriers: usize) -> GooseConfiguration {
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(plan.target.origin().ascii_serialization());
    configuration.users = Some(carriers);
    configuration.increase_rate = Some("1000000".to_owned());
    configuration.quiet = 2;
    configuration.no_telnet = true;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    // Its client never connects to anything. Otherwise it would read all certificates of the system, which took most
    // of the time until the first request.
    configuration.accept_invalid_certs = true;
    configuration
}
