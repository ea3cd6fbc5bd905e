//! Keeps one instance running: starts it, starts it again when it ends, replaces it, and drains it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::backoff::Backoff;
use super::child::{Child, NotStarted};

/// Attempts to start an instance for the first time.
const FIRST_ATTEMPTS: u32 = 3;

/// What the supervisor wants of a keeper.
pub enum Order {
    /// A new process by the fleet's settings of now; the old one drains once the new one is ready.
    Replace(oneshot::Sender<Result<(), NotStarted>>),
    /// The end.
    Stop,
}

/// What an instance is started as.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// Its number.
    pub number: u32,
    /// How often it was started again after a crash.
    pub restarts: u32,
    /// Which of its two names it has. A process that takes the place of a living one must not have that one's: it
    /// would count as proof that the other has ended. One that follows a dead one must, for the same reason.
    pub has_other_name: bool,
}

impl Seat {
    fn after_crash(self) -> Self {
        Self { restarts: self.restarts + 1, ..self }
    }

    fn beside_living(self) -> Self {
        Self { has_other_name: !self.has_other_name, ..self }
    }
}

/// The keeper of one instance.
pub struct Keeper {
    seat: Seat,
    fleet: Arc<Fleet>,
    child: Option<Child>,
    backoff: Backoff,
}

impl Keeper {
    /// Starts the instance for the first time: what fails three times is no accident.
    pub async fn start(number: u32, fleet: Arc<Fleet>) -> Result<Self, NotStarted> {
        let seat = Seat { number, restarts: 0, has_other_name: false };
        let (mut backoff, mut attempt) = (Backoff::default(), 1);
        let child = loop {
            match fleet.start(seat).await {
                Ok(child) => break child,
                Err(refused @ NotStarted::Refused(_)) => return Err(refused),
                Err(failure) if attempt == FIRST_ATTEMPTS => return Err(failure),
                Err(failure) => {
                    tracing::warn!(instance = number, %failure, attempt, "an instance did not start");
                }
            }
            attempt += 1;
            sleep(backoff.pause()).await;
        };
        tracing::info!(instance = number, pid = child.id(), "an instance serves");
        Ok(Self { seat, fleet, child: Some(child), backoff: Backoff::default() })
    }

    /// Keeps it until it is told to stop.
    pub async fn keep(mut self, mut orders: mpsc::Receiver<Order>, cut: CancellationToken) {
        loop {
            let pause = self.pause();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Replace(done)) => drop(done.send(self.replace(&cut).await)),
                    Some(Order::Stop) | None => return self.stop(&cut).await,
                },
                ended = ended(&mut self.child) => self.lost(&ended),
                // Dropped half-way, it kills what it has started.
                started = start_after(&self.fleet, self.seat.after_crash(), pause) => self.restarted(started),
            }
        }
    }

    /// How long to wait before the next start; none while there is an instance.
    fn pause(&mut self) -> Option<Duration> {
        self.child.is_none().then(|| self.backoff.pause())
    }

    fn lost(&mut self, ended: &str) {
        let Some(child) = self.child.take() else { return };
        self.backoff.ran_for(child.uptime());
        tracing::error!(instance = self.seat.number, %ended, "an instance ended: it is started again");
    }

    fn restarted(&mut self, started: Result<Child, NotStarted>) {
        match started {
            Ok(child) => {
                self.seat = self.seat.after_crash();
                tracing::warn!(
                    instance = self.seat.number,
                    pid = child.id(),
                    restarts = self.seat.restarts,
                    "it serves again"
                );
                self.child = Some(child);
            }
            Err(failure) => {
                tracing::error!(instance = self.seat.number, %failure, "an instance did not start again");
            }
        }
    }

    async fn replace(&mut self, cut: &CancellationToken) -> Result<(), NotStarted> {
        let seat = if self.child.is_some() { self.seat.beside_living() } else { self.seat };
        let new = self.fleet.start(seat).await?;
        self.seat = seat;
        tracing::info!(instance = seat.number, pid = new.id(), "a new process serves");
        if let Some(old) = self.child.replace(new) {
            old.drain(self.fleet.drain_deadline(), cut).await;
        }
        Ok(())
    }

    async fn stop(self, cut: &CancellationToken) {
        if let Some(child) = self.child {
            child.drain(self.fleet.drain_deadline(), cut).await;
        }
    }
}

async fn ended(child: &mut Option<Child>) -> String {
    match child {
        Some(child) => child.ended().await,
        None => std::future::pending().await,
    }
}

async fn start_after(fleet: &Fleet, seat: Seat, pause: Option<Duration>) -> Result<Child, NotStarted> {
    let Some(pause) = pause else { return std::future::pending().await };
    sleep(pause).await;
    fleet.start(seat).await
}
