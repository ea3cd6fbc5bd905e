//! What a test tells a proxy to do with chosen commands.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mongodb::bson::Document;

/// How long a test waits for a command to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// What drivers ask on their own account.
const HOUSEKEEPING: [&str; 7] =
    ["hello", "isMaster", "ismaster", "ping", "endSessions", "saslStart", "saslContinue"];

/// A command that a client sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its name: `createIndexes`.
    pub name: String,
    /// The database that it is for.
    pub database: String,
    /// All of it; of the documents of an insert, the first hundred.
    pub document: Document,
}

impl Command {
    /// Reads it from the document that was sent.
    pub fn of(document: Document) -> Self {
        let name = document.keys().next().cloned().unwrap_or_default();
        let database = document.get_str("$db").unwrap_or_default().to_owned();
        Self { name, database, document }
    }

    /// The collection that it is for, where it names one.
    pub fn collection(&self) -> &str {
        self.document.get_str(&self.name).unwrap_or_default()
    }

    /// Whether the driver sent it on its own account: greetings, pings, the end of sessions.
    pub fn is_housekeeping(&self) -> bool {
        HOUSEKEEPING.contains(&self.name.as_str())
    }
}

/// Which commands a rule is for. Housekeeping of drivers is never counted, unless it is named.
pub struct When {
    name: Option<String>,
    is_meant: Box<dyn Fn(&Command) -> bool + Send>,
    number: Option<usize>,
}

impl When {
    /// Every command of this name.
    pub fn every(name: &str) -> Self {
        Self { name: Some(name.to_owned()), is_meant: Box::new(|_| true), number: None }
    }

    /// The next command of this name, once.
    pub fn next(name: &str) -> Self {
        Self::nth(name, 1)
    }

    /// The n-th command of this name from now on, once; the next is the first.
    pub fn nth(name: &str, number: usize) -> Self {
        Self { number: Some(number), ..Self::every(name) }
    }

    /// The n-th command of any name from now on, once.
    pub fn nth_of_all(number: usize) -> Self {
        Self { name: None, is_meant: Box::new(|_| true), number: Some(number) }
    }

    /// Of these, only those that `is_meant` accepts; others are not counted.
    #[must_use]
    pub fn that(mut self, is_meant: impl Fn(&Command) -> bool + Send + 'static) -> Self {
        self.is_meant = Box::new(is_meant);
        self
    }

    /// Whether this command is the one; counts it.
    fn strikes(&mut self, command: &Command) -> bool {
        let is_named = match &self.name {
            Some(name) => *name == command.name,
            None => !command.is_housekeeping(),
        };
        if !is_named || !(self.is_meant)(command) {
            return false;
        }
        match &mut self.number {
            None => true,
            Some(0) => false,
            Some(number) => {
                *number -= 1;
                *number == 0
            }
        }
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, number, .. } = self;
        f.debug_struct("When").field("name", name).field("number", number).finish_non_exhaustive()
    }
}

/// What goes wrong with a command.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The server answers with this error and does nothing.
    Error(i32, &'static str),
    /// The server does nothing, and this is the answer.
    Answer(Document),
    /// The connection is closed, and the server never sees the command.
    CloseBefore,
    /// The server does what it is told, and the connection is closed instead of the answer.
    CloseAfter,
    /// The server gets the command so much later.
    Delay(Duration),
}

/// What a rule does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Something goes wrong.
    Fail(Fault),
    /// The command waits at the gate before the server sees it.
    Hold(Arc<Gate>),
    /// The answer waits at the gate.
    HoldAnswer(Arc<Gate>),
}

/// The rules of a proxy, in the order in which they were given.
#[derive(Debug, Default)]
pub struct Rules(Vec<(When, Action)>);

impl Rules {
    /// One more.
    pub fn add(&mut self, when: When, action: Action) {
        self.0.push((when, action));
    }

    /// None any more; what waits goes on.
    pub fn clear(&mut self) {
        for (_, action) in self.0.drain(..) {
            if let Action::Hold(gate) | Action::HoldAnswer(gate) = action {
                gate.open();
            }
        }
    }

    /// What is to be done with this command; counts it for every rule.
    pub fn strike(&mut self, command: &Command) -> Vec<Action> {
        let struck =
            self.0.iter_mut().filter_map(|(when, action)| when.strikes(command).then(|| action.clone()));
        struck.collect()
    }
}

/// Where commands wait until a test lets them go.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    arrived: Vec<Command>,
    is_open: bool,
    progress: BTreeMap<Option<usize>, (u64, u64)>,
}

impl Gate {
    /// Says that a command is here, and waits until the gate is open.
    pub fn pass(&self, command: &Command) {
        let mut state = self.state();
        state.arrived.push(command.clone());
        self.changed.notify_all();
        while !state.is_open {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets everything go, now and later.
    pub fn open(&self) {
        self.state().is_open = true;
        self.changed.notify_all();
    }

    /// How far a build that waits here is on a member: so many documents of so many.
    pub fn progress(&self, member: usize) -> (u64, u64) {
        let progress = &self.state().progress;
        let told = progress.get(&Some(member)).or_else(|| progress.get(&None));
        told.copied().unwrap_or((5_000, 10_000))
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commands that are held back until this is released or dropped.
#[derive(Debug)]
pub struct Held {
    pub(super) gate: Arc<Gate>,
}

impl Held {
    /// Waits until a command is held, and tells which; fails the test when none comes.
    #[track_caller]
    pub fn wait(&self) -> Command {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.gate.state();
        loop {
            if let Some(first) = state.arrived.first() {
                return first.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no command to hold back came within {PATIENCE:?}");
            let waited = self.gate.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether one is held.
    pub fn has_arrived(&self) -> bool {
        !self.gate.state().arrived.is_empty()
    }

    /// How far `$currentOp` says the held build is, on every member; half-way when nothing is said.
    pub fn progress(&self, done: u64, total: u64) {
        self.gate.state().progress.insert(None, (done, total));
    }

    /// The same for one member.
    pub fn progress_on(&self, member: usize, done: u64, total: u64) {
        self.gate.state().progress.insert(Some(member), (done, total));
    }

    /// Lets them go.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.open();
    }
}
