//! What all users of a run share.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rand::RngExt;
use serde_json::Value;
use tokio::sync::SetOnce;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clients::Connector;
use crate::load::accounts::Accounts;
use crate::load::disconnect::{self, Return};
use crate::load::fanout::Book;
use crate::load::recorder::Recorder;
use crate::load::scenario::Plan;
use crate::load::scenario::chance::Who;
use crate::load::scenario::plan::{Initial, ScenarioPlan};
use crate::load::scenario::template::Slots;
use crate::load::share::Share;
use crate::load::storm;

/// How a run is ended.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Somebody ended it early: what was under way then says nothing about the system.
    pub interrupt: CancellationToken,
    /// Begin nothing new: pauses end, what is under way is finished.
    pub soft: CancellationToken,
    /// Drop what is under way.
    pub hard: CancellationToken,
}

/// The plan, the counters and the clock.
#[derive(Debug)]
pub struct Shared {
    /// What users do.
    pub plan: Arc<Plan>,
    /// Which part of it these users are.
    pub share: Share,
    /// Where they record it.
    pub recorder: Recorder,
    /// What they publish and hear.
    pub fanouts: Book,
    /// What becomes of connections that are cut.
    pub storms: storm::Book,
    /// What becomes of connections that are lost otherwise.
    pub disconnects: disconnect::Book,
    /// The way to the system under test.
    pub connector: Connector,
    /// How the run is ended.
    pub stop: Stop,
    /// When load starts: set once all users are there.
    pub start: SetOnce<Instant>,
    /// Users that are there.
    pub ready: AtomicU32,
    /// Users that are within an iteration.
    pub active: AtomicU32,
    /// Users that have nothing left to do.
    pub finished: AtomicU32,
    /// Users that a mistake of ours ended.
    pub broken: AtomicU32,
    /// Iterations that were begun.
    pub begun: AtomicU64,
    /// What the section before the load has set, by slot.
    pub given: OnceLock<Vec<(usize, Value)>>,
    /// The payload that had no row left for somebody.
    pub spent: OnceLock<String>,
    tickets: AtomicU64,
    rows: Vec<AtomicU64>,
}

impl Shared {
    /// The state of a run before its first user.
    pub fn new(plan: Arc<Plan>, share: Share, connector: Connector, stop: Stop) -> Self {
        Self {
            recorder: Recorder::new(plan.metrics.len()),
            fanouts: Book::default(),
            storms: storm::Book::new(plan.storms.len()),
            disconnects: disconnect::Book::default(),
            rows: plan.payloads.iter().map(|_| AtomicU64::new(0)).collect(),
            plan,
            share,
            connector,
            stop,
            start: SetOnce::new(),
            ready: AtomicU32::new(0),
            active: AtomicU32::new(0),
            finished: AtomicU32::new(0),
            broken: AtomicU32::new(0),
            begun: AtomicU64::new(0),
            given: OnceLock::new(),
            spent: OnceLock::new(),
            tickets: AtomicU64::new(0),
        }
    }

    /// What can be told once its users are done.
    pub fn accounts(&self) -> Accounts {
        Accounts {
            fanout: self.fanouts.account(),
            storms: self.storms.tallies(),
            disconnects: self.disconnects.tally(),
        }
    }

    /// How long the load has lasted; none before it begins and when it is over.
    pub fn elapsed(&self) -> Option<Duration> {
        let elapsed = self.start.get()?.elapsed();
        let is_over = elapsed >= self.plan.load.duration() || self.stop.soft.is_cancelled();
        (!is_over).then_some(elapsed)
    }

    /// A user has a connection; whether it had lost one before is known elsewhere.
    pub fn connected(&self, user: u32, how: Return) {
        if self.disconnects.is_somebody_away()
            && let Some(elapsed) = self.elapsed()
        {
            self.disconnects.back(user, elapsed, how);
        }
    }

    /// A user's time is over, whether it has a connection or not.
    pub fn leaves(&self, user: u32) {
        if self.disconnects.is_somebody_away()
            && let Some(elapsed) = self.elapsed()
        {
            self.disconnects.ended(user, elapsed);
        }
    }

    /// How many users this process has.
    pub fn users(&self) -> u32 {
        self.share.of(self.plan.load.users().into()) as u32
    }

    /// The number of the next iteration, among those of all processes, from 0; in the open model, of the next
    /// arrival.
    pub fn next_ticket(&self) -> u64 {
        self.share.number(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// The scenario of an iteration: spread evenly by weight over users and over the iterations of each, the
    /// same in every run.
    pub fn scenario(&self, who: Who) -> usize {
        // Steps that never fall into a pattern with each other: those of the R2 sequence.
        const USER: f64 = 0.754_877_666_246_692_8;
        const ROUND: f64 = 0.569_840_290_998_053_2;
        let scenarios = self.plan.chosen();
        let total: f64 = scenarios.iter().map(weight).sum();
        let mut left = (who.user as f64 * USER + who.round as f64 * ROUND).fract() * total;
        for (index, scenario) in scenarios.iter().enumerate() {
            left -= weight(scenario);
            if left < 0.0 {
                return index;
            }
        }
        scenarios.iter().rposition(|scenario| scenario.weight > 0).unwrap_or(0)
    }

    /// Fills the variables that an iteration starts with; `false` when a payload has no row left for it.
    pub fn fill(&self, slots: &mut Slots, who: Who, ticket: u64) -> bool {
        slots.clear();
        let plan = &self.plan;
        for (slot, initial) in &plan.variables {
            let value = match initial {
                Initial::Fixed(value) => value,
                Initial::OneOf(values) => {
                    &values[slots.chance.draw(|chance| chance.random_range(0..values.len()))]
                }
            };
            slots.set(*slot, value.clone());
        }
        for (table, cursor) in plan.payloads.iter().zip(&self.rows) {
            let next = || cursor.fetch_add(1, Ordering::Relaxed);
            let Some(row) = table.row(self.share, plan.seed, who, &slots.chance, next) else {
                self.spent.get_or_init(|| table.name.clone());
                return false;
            };
            for (slot, value) in table.slots.iter().zip(row) {
                slots.set(*slot, value.clone());
            }
        }
        for (slot, value) in self.given.get().into_iter().flatten() {
            slots.set(*slot, value.clone());
        }
        slots.set(plan.builtin.user, (who.user + 1).into());
        slots.set(plan.builtin.iteration, (ticket + 1).into());
        true
    }
}

fn weight(scenario: &ScenarioPlan) -> f64 {
    f64::from(scenario.weight)
}
