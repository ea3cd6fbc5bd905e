//! A virtual user from its first iteration to its last.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use super::session::Session;
use super::shared::Shared;
use crate::clients::cookies::CookieJar;
use crate::clients::http::HttpConnection;
use crate::clients::socketio::Transport;
use crate::load::recorder::{Failure, Sample};
use crate::load::scenario::chance::Who;
use crate::load::scenario::plan::MetricId;
use crate::load::scenario::template::Slots;
use crate::load::schedule::Load;

/// After a connection failed a user waits about this long, as real clients do; it would otherwise
/// hammer a dead server as fast as the kernel can refuse.
const BACK_OFF: Duration = Duration::from_secs(1);
/// An arrival that starts later than this counts as late.
const LATE: Duration = Duration::from_millis(100);
/// Timers fire on a grid of a millisecond: one that fires this close is on time.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
/// How long a goodbye may take at the end of an iteration.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why an iteration did not reach its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A step failed; the later ones would build on what it did not give.
    Failed,
    /// Nothing was exchanged: no connection, or no value to send.
    Fruitless,
    /// The run is over.
    Cut,
    /// A payload has no row left for this user.
    Spent,
}

/// What a step comes to.
pub type StepResult = Result<(), Ending>;

/// One virtual user.
#[derive(Debug)]
pub struct VirtualUser {
    pub(super) shared: Arc<Shared>,
    pub(super) http: Option<HttpConnection>,
    pub(super) cookies: CookieJar,
    pub(super) session: Option<Session>,
    pub(super) slots: Slots,
    /// Further connections, of requests that were sent at once.
    pub(super) spare: Vec<HttpConnection>,
    pub(super) scenario: usize,
    /// Which way the packets of a Socket.IO connection take.
    pub(super) transport: Transport,
    /// When the next step is due. Response times count from here, however late the step begins.
    pub(super) due: Instant,
    /// When this user's time is over.
    pub(super) ends_at: Instant,
    /// The step that waits for its answer, and since when.
    pub(super) in_flight: Option<(MetricId, Instant)>,
    /// The same of requests that were sent at once.
    pub(super) at_once: Vec<(MetricId, Instant)>,
    pub(super) index: u32,
    /// How often it may still begin, where that is bounded.
    iterations_left: Option<u32>,
    round: u64,
}

/// Tells the run that a user is through, however it got there.
struct Presence(Arc<Shared>);

impl Drop for Presence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.fetch_add(1, Ordering::Relaxed);
        }
        self.0.finished.fetch_add(1, Ordering::Release);
    }
}

impl VirtualUser {
    /// User number `index` of this process, from 0.
    pub fn new(shared: Arc<Shared>, index: u32) -> Box<Self> {
        let slots = Slots::new(shared.plan.slots);
        let now = Instant::now();
        let index = shared.share.number(index.into()) as u32;
        Box::new(Self {
            shared,
            http: None,
            cookies: CookieJar::default(),
            session: None,
            slots,
            scenario: 0,
            transport: Transport::default(),
            due: now,
            ends_at: now,
            in_flight: None,
            spare: Vec::new(),
            at_once: Vec::new(),
            index,
            iterations_left: None,
            round: 0,
        })
    }

    /// Lives through all its iterations.
    pub async fn live(mut self: Box<Self>) {
        let shared = Arc::clone(&self.shared);
        let _presence = Presence(Arc::clone(&shared));
        shared.ready.fetch_add(1, Ordering::Release);
        let start = *shared.start.wait().await;
        match &shared.plan.load {
            Load::Closed { shape, iterations } => {
                self.iterations_left = *iterations;
                for (from, to) in shape.active(self.index) {
                    self.repeat_until(start + from, start + to).await;
                    shared.leaves(self.index);
                }
            }
            Load::Open { shape, .. } => {
                // A scenario that has begun may finish after the last arrival; only `loop` without an end stops then.
                self.ends_at = start + shape.duration();
                loop {
                    let ticket = shared.next_ticket();
                    let Some(due) = shape.arrival(ticket) else { break };
                    let goes_on = self.arrive(ticket, start + due).await;
                    shared.leaves(self.index);
                    if !goes_on {
                        break;
                    }
                }
            }
        }
    }

    /// Closed model: starts over until `end`.
    async fn repeat_until(&mut self, start: Instant, end: Instant) {
        self.ends_at = end;
        if !self.sleep_until(start).await {
            return;
        }
        self.start_at(start);
        while Instant::now() < end && !self.shared.stop.soft.is_cancelled() {
            match &mut self.iterations_left {
                Some(0) => return,
                Some(left) => *left -= 1,
                None => {}
            }
            let ticket = self.shared.next_ticket();
            let who = Who { user: self.index.into(), round: self.round };
            self.round += 1;
            match self.iterate(ticket, who).await {
                Err(Ending::Spent) => return,
                Err(Ending::Fruitless) => {
                    let jitter = rand::rng().random_range(0.5..1.5);
                    self.sleep_until(end.min(Instant::now() + BACK_OFF.mul_f64(jitter))).await;
                    self.due = Instant::now();
                }
                _ => {}
            }
            // A scenario that never waits must not keep the other users of its thread from running.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Open model: one iteration, due at `due` whenever it can begin. `false` when the run is over.
    async fn arrive(&mut self, ticket: u64, due: Instant) -> bool {
        if !self.sleep_until(due).await {
            return false;
        }
        if due.elapsed() > LATE {
            self.shared.recorder.late_start();
        }
        self.start_at(due);
        let who = Who { user: ticket, round: 0 };
        self.iterate(ticket, who).await != Err(Ending::Spent) && !self.shared.stop.soft.is_cancelled()
    }

    /// Goes through a scenario once.
    async fn iterate(&mut self, ticket: u64, who: Who) -> StepResult {
        let shared = Arc::clone(&self.shared);
        self.slots.chance.restart(shared.plan.seed, who);
        if !shared.fill(&mut self.slots, who, ticket) {
            return Err(Ending::Spent);
        }
        shared.active.fetch_add(1, Ordering::Relaxed);
        shared.begun.fetch_add(1, Ordering::Relaxed);
        self.cookies = CookieJar::default();
        self.scenario = shared.scenario(who);
        self.transport = shared.plan.socket.ways.pick(who.user);
        let steps = &shared.plan.scenarios[self.scenario].steps;
        let result = tokio::select! {
            biased;
            () = shared.stop.hard.cancelled() => Err(Ending::Cut),
            result = self.steps(steps) => result,
        };
        self.give_up_waiting();
        if self.is_over() {
            Box::pin(self.listen_on()).await;
        }
        if result.is_ok() {
            shared.recorder.iteration();
        }
        if let Some(session) = self.session.take() {
            tokio::select! {
                () = Box::pin(session.close(GOODBYE)) => {}
                () = shared.stop.hard.cancelled() => {}
            }
            // The farewell is not what the next iteration waits for.
            self.due = Instant::now();
        }
        shared.active.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// Goes through a section once, until `end` at most.
    pub(super) async fn go_through(&mut self, scenario: usize, end: Instant) -> StepResult {
        let shared = Arc::clone(&self.shared);
        let who = Who::default();
        self.slots.chance.restart(shared.plan.seed, who);
        shared.fill(&mut self.slots, who, 0);
        (self.scenario, self.ends_at) = (scenario, end);
        self.start_at(Instant::now());
        let result = self.steps(&shared.plan.scenarios[scenario].steps).await;
        if let Some(session) = self.session.take() {
            session.close(GOODBYE).await;
        }
        result
    }

    /// Sleeps. `false` when the run ended first.
    async fn sleep_until(&self, due: Instant) -> bool {
        if due <= Instant::now() {
            return !self.shared.stop.soft.is_cancelled();
        }
        tokio::select! {
            biased;
            () = self.shared.stop.soft.cancelled() => false,
            () = tokio::time::sleep_until(due) => true,
        }
    }

    /// The moment from which the next step counts, when it was due at `due` and can begin now: a timer's
    /// grain is nobody's delay, anything longer is.
    pub(super) fn start_at(&mut self, due: Instant) {
        let lag = due.elapsed();
        self.shared.recorder.lag(lag);
        self.due = if lag <= TIMER_GRAIN { Instant::now() } else { due };
    }

    /// Records a step begun at `begun` and just done; the next one is due from now on.
    pub(super) fn finish(
        &mut self,
        metric: MetricId,
        begun: Instant,
        result: Result<(), Failure>,
    ) -> StepResult {
        self.finish_at(Instant::now(), metric, begun, result)
    }

    /// The same for a step whose answer came at `ended`, maybe before anybody waited for it.
    pub(super) fn finish_at(
        &mut self,
        ended: Instant,
        metric: MetricId,
        begun: Instant,
        result: Result<(), Failure>,
    ) -> StepResult {
        self.in_flight = None;
        let since = |start: Instant| ended.saturating_duration_since(start);
        let sample = Sample { ended, response: since(self.due.min(begun)), service: since(begun) };
        self.due = Instant::now();
        match result {
            Ok(()) => {
                self.shared.recorder.success(metric, &sample);
                Ok(())
            }
            Err(failure) => {
                let ending = if failure.is_timed { Ending::Failed } else { Ending::Fruitless };
                self.shared.recorder.failure(metric, &sample, failure);
                Err(ending)
            }
        }
    }

    /// Marks the beginning of a wait for an answer.
    pub(super) fn begin(&mut self, metric: MetricId) -> Instant {
        let now = Instant::now();
        self.in_flight = Some((metric, now));
        now
    }

    /// A step that was still unanswered when everything was dropped counts: a server that hangs would pass
    /// otherwise. Its time is at least what it waited. After an interrupt it says nothing.
    fn give_up_waiting(&mut self) {
        let unanswered: Vec<_> = self.in_flight.take().into_iter().chain(self.at_once.drain(..)).collect();
        for (metric, begun) in unanswered {
            if self.shared.stop.hard.is_cancelled() && !self.shared.stop.interrupt.is_cancelled() {
                let failure =
                    Failure::answered("unanswered at the end", "the run ended before an answer came");
                self.finish(metric, begun, Err(failure)).ok();
            }
        }
    }

    /// Whether this user may begin nothing new: the run is over, or in the closed model its own time is.
    pub(super) fn is_over(&self) -> bool {
        self.shared.stop.soft.is_cancelled() || (self.is_closed() && Instant::now() >= self.ends_at)
    }

    /// Whether this user leaves when its time is over; an arrival may finish what it began.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.shared.plan.load, Load::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::VirtualUser;
    use crate::load::scenario::plan::{Step, Think};

    fn life<F: Future>(_: impl FnOnce(Box<VirtualUser>) -> F) -> usize {
        size_of::<F>()
    }

    fn step<'a, F: Future + 'a>(_: impl FnOnce(&'a mut VirtualUser, &'a Step) -> F) -> usize {
        size_of::<F>()
    }

    fn think<'a, F: Future + 'a>(_: impl FnOnce(&'a mut VirtualUser, Think) -> F) -> usize {
        size_of::<F>()
    }

    /// A hundred thousand users mostly wait, each with its life, a list of steps or two and a pause on the heap.
    #[test]
    fn a_user_that_waits_is_small() {
        let waits = [step(VirtualUser::step), think(VirtualUser::think)];
        let sizes = [size_of::<VirtualUser>(), life(VirtualUser::live), waits[0], waits[1]];
        assert!(sizes.iter().zip([256, 512, 256, 896]).all(|(size, most)| *size <= most), "{sizes:?}");
    }
}
