//! What all maps of one process share: who it is, which phase requests are served in, and the door that requests
//! go through, so that a phase is left only when the last of its requests has (C7).

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use super::Settings;
use crate::clock::Clock;
use crate::control::{ControlRecord, Id, Stamp};
use crate::error::Refused;
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::{before, lock, until};
use crate::wire::call::{Call, Caller, Failure, Reply};

/// Failures in a row after which second writes are owed at once instead of tried first.
const FAILURES_TO_AWAY: u32 = 3;

/// A failure within this part of the time of an operation leaves time for another attempt.
const SWIFT: u32 = 4;

/// What a request sees of the migration, for as long as it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The phase.
    pub phase: Phase,
    /// The run.
    pub run: Id,
    /// Epoch of the phase.
    pub epoch: u64,
    /// Nonce of the change that brought the phase.
    pub nonce: Id,
    /// The process's incarnation.
    pub incarnation: Id,
    /// Replicas that a durable call waits for.
    pub replicas: u32,
}

impl View {
    /// Whether all ownership and memory is void on the way here (C11): Redis has been the truth.
    pub fn drops_memory(self, from: Self) -> bool {
        from.run == self.run
            && from.phase >= Phase::Strict
            && (Phase::Dual..=Phase::Strict).contains(&self.phase)
    }
}

/// How the process stands.
#[derive(Debug, Clone)]
pub struct State {
    /// Whether Redis knows this incarnation.
    pub registered: bool,
    /// Whether another process has its name.
    pub retired: bool,
    /// Whom it replaced when it registered.
    pub replaced: Id,
    /// Whether a fail-over has forgotten its registration: it is made again.
    pub forgotten: bool,
    /// Epoch at which it last dropped all that it owned (C11).
    pub dropped_epoch: u64,
    /// Whether it is stopping for good.
    pub leaving: bool,
    /// Whether it runs: no map can be added any more.
    pub running: bool,
    /// Whether it has stopped: no heartbeat brings it back.
    pub gone: bool,
    /// What requests see.
    pub view: View,
    /// What it has acknowledged.
    pub acked: Stamp,
    /// Replication history of the server at the last heartbeat.
    pub replid: String,
    /// A record to follow.
    pub target: Option<ControlRecord>,
    /// Whether the door is shut: requests wait before it.
    pub holding: bool,
    /// Requests inside.
    pub inside: u64,
    /// Why the target is not acknowledged yet.
    pub waiting_for: String,
    /// Failures of calls in a row.
    pub failures: u32,
    /// Requests that were refused for want of Redis.
    pub unavailable: u64,
    /// Last known difference of the wall clock from Redis' clock.
    pub wall_skew_ms: i64,
}

impl State {
    /// The highest epoch that it has acted on, or is about to.
    pub fn highest_epoch(&self) -> u64 {
        let target = self.target.as_ref().map_or(0, |target| target.stamp.epoch);
        self.acked.epoch.max(self.view.epoch).max(target)
    }
}

/// See the module.
pub struct Shared<P> {
    /// The world.
    pub port: Arc<P>,
    /// How the process takes part.
    pub settings: Settings,
    /// Redis' clock.
    pub clock: Clock,
    /// Something of the state has changed.
    pub changed: Notify,
    /// A heartbeat is wanted now.
    pub poke: Notify,
    state: Mutex<State>,
}

impl<P: Port> Shared<P> {
    /// A process that nobody knows yet.
    pub fn new(port: Arc<P>, settings: Settings) -> Self {
        let clock = Clock::new(port.now(), port.wall_ms());
        let view = View {
            phase: Phase::Off,
            run: Id::NONE,
            epoch: 0,
            nonce: Id::NONE,
            incarnation: port.random(),
            replicas: 0,
        };
        let state = State {
            registered: planted(Bug::UnregisteredServes),
            retired: false,
            replaced: Id::NONE,
            forgotten: false,
            dropped_epoch: 0,
            leaving: false,
            running: false,
            gone: false,
            view,
            acked: Stamp::default(),
            replid: String::new(),
            target: None,
            holding: false,
            inside: 0,
            waiting_for: String::new(),
            failures: 0,
            unavailable: 0,
            wall_skew_ms: 0,
        };
        Self { port, settings, clock, changed: Notify::new(), poke: Notify::new(), state: Mutex::new(state) }
    }

    /// Looks at the state, or changes it. Whoever changes it says so by [`Self::tell`].
    pub fn state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut lock(&self.state))
    }

    /// Wakes whoever waits for the state.
    pub fn tell(&self) {
        self.changed.notify_waiters();
    }

    /// What a request sees now.
    pub fn view(&self) -> View {
        lock(&self.state).view
    }

    /// Redis' clock now.
    pub fn now_ms(&self) -> u64 {
        self.clock.at(self.port.now())
    }

    /// Whether Redis did not answer lately: then nobody waits for it who need not.
    pub fn is_away(&self) -> bool {
        lock(&self.state).failures >= FAILURES_TO_AWAY
    }

    /// Makes a call, and counts whether Redis is there.
    pub async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let replicas = lock(&self.state).view.replicas;
        let replicas =
            if planted(Bug::ClaimWithoutWait) && matches!(call, Call::Claim(_)) { 0 } else { replicas };
        let result = self.port.call(call, replicas).await;
        let mut state = lock(&self.state);
        state.failures = if result.is_ok() { 0 } else { state.failures.saturating_add(1) };
        result
    }

    /// Makes a call that does the same when it is made twice. Once more, if it failed at once: then the connection was
    /// lost long ago.
    pub async fn call_again(&self, call: Call) -> Result<Reply, Failure> {
        let begun = self.port.now();
        let first = self.call(call.clone()).await;
        if first.is_ok() || self.port.now().saturating_sub(begun) > self.settings.operation / SWIFT {
            return first;
        }
        self.call(call).await
    }

    /// Who calls: this process as a request sees it, from now for the life of a call.
    pub fn caller(&self, view: View) -> Caller {
        let life: u64 = self.settings.call_life.as_millis().try_into().unwrap_or(u64::MAX);
        let deadline_ms = self.now_ms().saturating_add(life);
        Caller { run: view.run, epoch: view.epoch, incarnation: view.incarnation, deadline_ms }
    }

    /// Lets a request in, when the door is open and the process is registered.
    pub async fn enter(self: &Arc<Self>, deadline: Duration) -> Result<Permit<P>, Refused> {
        if let Some(outcome) = self.try_enter() {
            return outcome;
        }
        let entered = until(&self.changed, || self.try_enter());
        match before(&*self.port, deadline, entered).await {
            Some(outcome) => outcome,
            None => Err(self.refuse(if lock(&self.state).registered {
                "a change of phase is under way"
            } else {
                "this instance is not registered yet"
            })),
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Result<Permit<P>, Refused>> {
        let mut state = lock(&self.state);
        if state.retired {
            return Some(Err(Refused::Retired));
        }
        if state.leaving {
            return Some(Err(Refused::unavailable("this instance is stopping")));
        }
        if !state.registered || state.holding {
            return None;
        }
        state.inside += 1;
        Some(Ok(Permit { view: state.view, shared: Arc::clone(self) }))
    }

    /// A refusal for want of Redis, counted.
    pub fn refuse(&self, cause: impl std::fmt::Display) -> Refused {
        lock(&self.state).unavailable += 1;
        Refused::unavailable(cause)
    }

    /// Shuts the door and waits until the last request has left; opens it again when this is dropped.
    pub async fn hold(&self) -> Held<'_, P> {
        let held = Held { shared: self };
        self.state(|state| state.holding = true);
        self.tell();
        if planted(Bug::TimerInsteadOfDrain) {
            self.port.sleep(self.settings.operation / 20).await;
        } else if !planted(Bug::AckWithoutDrain) {
            until(&self.changed, || self.state(|state| (state.inside == 0).then_some(()))).await;
        }
        held
    }
}

/// A shut door.
pub struct Held<'a, P: Port> {
    shared: &'a Shared<P>,
}

impl<P: Port> Drop for Held<'_, P> {
    fn drop(&mut self) {
        self.shared.state(|state| state.holding = false);
        self.shared.tell();
    }
}

/// A request inside the door.
pub struct Permit<P: Port> {
    /// What it sees.
    pub view: View,
    shared: Arc<Shared<P>>,
}

impl<P: Port> Permit<P> {
    /// Whether the process is still who it was. One that was evicted in the meantime must not acknowledge (C17).
    pub fn is_current(&self) -> bool {
        self.shared.view().incarnation == self.view.incarnation
    }

    /// Whether somebody waits for the request to leave.
    pub fn is_awaited(&self) -> bool {
        self.shared.state(|state| state.holding || state.view.incarnation != self.view.incarnation)
    }
}

impl<P: Port> Drop for Permit<P> {
    fn drop(&mut self) {
        let is_last = self.shared.state(|state| {
            state.inside -= 1;
            state.inside == 0 && state.holding
        });
        if is_last {
            self.shared.tell();
        }
    }
}
