//! A single-threaded executor that takes ready tasks in an order of the seed. Tasks belong to processes, which may be
//! paused and killed.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::sync::lock;

/// What a task does.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A process of the simulation. The first is the world itself, which is never paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(pub usize);

/// The world's own tasks: clients, load balancer, operators, faults.
pub const WORLD: Process = Process(0);

struct Task {
    process: Process,
    work: Work,
    waker: Waker,
}

struct Wakeup {
    task: usize,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = lock(&self.ready);
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

/// See the module.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Option<Task>>,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Executor {
    /// Adds a task, ready to run.
    pub fn spawn(&mut self, process: Process, work: Work) {
        let task = self.tasks.len();
        let waker = Arc::new(Wakeup { task, ready: Arc::clone(&self.ready) }).into();
        self.tasks.push(Some(Task { process, work, waker }));
        lock(&self.ready).push(task);
    }

    /// Makes a task ready that was put off.
    pub fn wake(&self, task: usize) {
        if let Some(Some(task)) = self.tasks.get(task) {
            task.waker.wake_by_ref();
        }
    }

    /// One of the ready tasks whose process is not paused, by chance.
    pub fn choose(&self, rng: &mut ChaCha8Rng, is_paused: impl Fn(Process) -> bool) -> Option<usize> {
        let mut ready = lock(&self.ready);
        ready.retain(|task| self.tasks[*task].is_some());
        let may_run = |task: &usize| self.tasks[*task].as_ref().is_some_and(|task| !is_paused(task.process));
        let count = ready.iter().filter(|task| may_run(task)).count();
        let chosen = if count > 1 { rng.random_range(0..count) } else { 0 };
        let (place, _) = ready.iter().enumerate().filter(|(_, task)| may_run(task)).nth(chosen)?;
        Some(ready.remove(place))
    }

    /// Carries a task on. Whether it has ended.
    pub fn poll(&mut self, number: usize) -> bool {
        let Some(task) = &mut self.tasks[number] else { return true };
        let waker = task.waker.clone();
        if task.work.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending {
            return false;
        }
        self.tasks[number] = None;
        true
    }

    /// Whose task it is.
    pub fn process(&self, task: usize) -> Option<Process> {
        self.tasks[task].as_ref().map(|task| task.process)
    }

    /// Drops all tasks of a process where they stand.
    pub fn kill(&mut self, process: Process) {
        for task in &mut self.tasks {
            if task.as_ref().is_some_and(|task| task.process == process) {
                *task = None;
            }
        }
    }
}
