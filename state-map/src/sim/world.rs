//! Runs tasks and lets things happen, in the order of a seed.

use std::sync::{Arc, Mutex};

use super::executor::{Executor, WORLD};
use super::network::{Happening, Network};
use crate::sync::lock;

/// Steps after which a run is broken off: something turns in a circle without time passing.
const MOST_STEPS: u64 = 3_000_000;

/// See the module.
pub struct World {
    pub network: Arc<Mutex<Network>>,
    executor: Executor,
    steps: u64,
}

impl World {
    pub fn new(network: Network) -> Self {
        Self { network: Arc::new(Mutex::new(network)), executor: Executor::default(), steps: 0 }
    }

    /// Runs until this time, or until the world says that it is over.
    pub fn run(&mut self, end_us: u64) {
        loop {
            self.steps += 1;
            assert!(self.steps < MOST_STEPS, "turns in a circle");
            self.take_orders();
            let task = {
                let network = &mut *lock(&self.network);
                if network.is_over {
                    return;
                }
                let (paused, now_us) = (&network.paused, network.now_us);
                self.executor.choose(&mut network.rng, |process| {
                    paused.get(&process).is_some_and(|until| *until > now_us)
                })
            };
            match task {
                Some(task) => self.carry_on(task),
                None if self.advance(end_us) => {}
                None => return,
            }
        }
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn take_orders(&mut self) {
        let (spawned, killed) = {
            let mut network = lock(&self.network);
            if network.spawned.is_empty() && network.killed.is_empty() {
                return;
            }
            (std::mem::take(&mut network.spawned), std::mem::take(&mut network.killed))
        };
        for (process, work) in spawned {
            self.executor.spawn(process, work);
        }
        killed.into_iter().for_each(|process| self.executor.kill(process));
    }

    /// A task goes on, or is put off as one thread of a process may be.
    fn carry_on(&mut self, task: usize) {
        let is_world = self.executor.process(task).is_none_or(|process| process == WORLD);
        {
            let network = &mut *lock(&self.network);
            let odds = network.weather.put_off;
            if !is_world && network.chance(odds) {
                let delay = network.weather.late_us(&mut network.rng);
                return network.after(delay, Happening::GoOn(task));
            }
        }
        self.executor.poll(task);
    }

    fn advance(&mut self, end_us: u64) -> bool {
        let Some(happening) = lock(&self.network).next(end_us) else { return false };
        match happening {
            Happening::GoOn(task) => self.executor.wake(task),
            other => lock(&self.network).happen(other),
        }
        true
    }
}

impl Drop for World {
    /// Tasks and the network hold each other.
    fn drop(&mut self) {
        self.executor = Executor::default();
        let spawned = std::mem::take(&mut lock(&self.network).spawned);
        drop(spawned);
        let agenda = lock(&self.network).take_agenda();
        drop(agenda);
    }
}
