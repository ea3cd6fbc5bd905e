//! What all users of a run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use rand::RngExt;
use serde_json::Value;
use tokio::sync::SetOnce;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clients::Connector;
use crate::load::recorder::Recorder;
use crate::load::scenario::Plan;
use crate::load::scenario::model::Order;
use crate::load::scenario::plan::{Initial, ScenarioPlan};
use crate::load::share::Share;

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
    tickets: AtomicU64,
    rows: Vec<AtomicUsize>,
}

impl Shared {
    /// The state of a run before its first user.
    pub fn new(plan: Arc<Plan>, share: Share, connector: Connector, stop: Stop) -> Self {
        Self {
            recorder: Recorder::new(plan.metrics.len()),
            rows: plan.payloads.iter().map(|_| AtomicUsize::new(0)).collect(),
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
            tickets: AtomicU64::new(0),
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

    /// The scenario of an iteration: spread evenly by weight, the same in every run.
    pub fn scenario(&self, ticket: u64) -> usize {
        const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;
        let scenarios = &self.plan.scenarios;
        let total: f64 = scenarios.iter().map(weight).sum();
        let mut left = (ticket as f64 * GOLDEN_RATIO).fract() * total;
        for (index, scenario) in scenarios.iter().enumerate() {
            left -= weight(scenario);
            if left < 0.0 {
                return index;
            }
        }
        scenarios.len() - 1
    }

    /// Fills the variables that an iteration starts with.
    pub fn fill(&self, slots: &mut [Option<Value>], user: u32, ticket: u64) {
        slots.fill(None);
        let plan = &self.plan;
        for (slot, initial) in &plan.variables {
            slots[*slot] = Some(match initial {
                Initial::Fixed(value) => value.clone(),
                Initial::OneOf(values) => values[rand::rng().random_range(0..values.len())].clone(),
            });
        }
        for (table, cursor) in plan.payloads.iter().zip(&self.rows) {
            let row = match table.order {
                Order::Sequence => cursor.fetch_add(1, Ordering::Relaxed) % table.rows.len(),
                Order::Random => rand::rng().random_range(0..table.rows.len()),
            };
            for (slot, value) in table.slots.iter().zip(&table.rows[row]) {
                slots[*slot] = Some(value.clone());
            }
        }
        slots[plan.builtin.user] = Some((user + 1).into());
        slots[plan.builtin.iteration] = Some((ticket + 1).into());
    }
}

fn weight(scenario: &ScenarioPlan) -> f64 {
    f64::from(scenario.weight)
}
