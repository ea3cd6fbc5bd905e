//! What a test tells a proxy to do with chosen commands.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::resp::Frame;

/// How long a test waits for a command to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

type Meant = Box<dyn FnMut(&[String]) -> bool + Send>;

/// Which commands a rule is for: those whose words are accepted.
pub struct Which {
    is_meant: Meant,
    left: Option<usize>,
}

impl Which {
    /// Every command whose words are accepted.
    pub fn every(is_meant: impl FnMut(&[String]) -> bool + Send + 'static) -> Self {
        Self { is_meant: Box::new(is_meant), left: None }
    }

    /// The next of them only.
    pub fn next(is_meant: impl FnMut(&[String]) -> bool + Send + 'static) -> Self {
        Self { left: Some(1), ..Self::every(is_meant) }
    }

    fn strikes(&mut self, words: &[String]) -> bool {
        if self.left == Some(0) || !(self.is_meant)(words) {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }
}

impl fmt::Debug for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Which").field("left", &self.left).finish_non_exhaustive()
    }
}

/// What is done with a command.
#[derive(Clone, Debug)]
pub enum Act {
    /// The server gets it so much later, and with it all that follows on this connection.
    Delay(Duration),
    /// The server gets it twice in a row; the client hears the first answer.
    Twice,
    /// The connection is closed, and the server never sees the command.
    CloseBefore,
    /// The server carries it out, and the connection is closed instead of the answer.
    CloseAfter,
    /// The server gets another command in its place, whose answer the client hears.
    Instead(Vec<String>),
    /// The connection goes dumb: neither this command nor anything after it arrives.
    Lose,
    /// It waits at the gate, and with it all that follows on this connection.
    Hold(Arc<Gate>),
    /// Its answer waits at the gate.
    HoldAnswer(Arc<Gate>),
    /// The connection is closed; the server gets the command when the gate opens.
    Late(Arc<Gate>),
    /// The server gets it now, and a second time when the gate opens.
    Again(Arc<Gate>),
}

/// The rules of a proxy, in the order in which they were given.
#[derive(Debug, Default)]
pub struct Rules(Vec<(Which, Act)>);

impl Rules {
    /// One more.
    pub fn add(&mut self, which: Which, act: Act) {
        self.0.push((which, act));
    }

    /// None any more; what waits goes on.
    pub fn clear(&mut self) {
        for (_, act) in self.0.drain(..) {
            if let Act::Hold(gate) | Act::HoldAnswer(gate) | Act::Late(gate) | Act::Again(gate) = act {
                gate.open();
            }
        }
    }

    /// What the first rule for this command does.
    pub fn strike(&mut self, words: &[String]) -> Option<Act> {
        self.0.iter_mut().find_map(|(which, act)| which.strikes(words).then(|| act.clone()))
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
    arrived: Vec<Vec<String>>,
    is_open: bool,
    answers: Vec<Frame>,
}

impl Gate {
    /// Says that a command is here.
    pub fn arrive(&self, words: &[String]) {
        self.state().arrived.push(words.to_vec());
        self.changed.notify_all();
    }

    /// Waits until the gate is open.
    pub fn pass(&self) {
        let mut state = self.state();
        while !state.is_open {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells what the server answered to a command that was delivered after the gate opened.
    pub fn answered(&self, answer: Frame) {
        self.state().answers.push(answer);
        self.changed.notify_all();
    }

    fn open(&self) {
        self.state().is_open = true;
        self.changed.notify_all();
    }

    /// Waits until something is there.
    #[track_caller]
    fn wait<T>(&self, what: &str, there: impl Fn(&GateState) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if let Some(found) = there(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not come within {PATIENCE:?}");
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commands that are held back until this is released or dropped.
#[derive(Debug)]
pub struct HeldBack(pub(super) Arc<Gate>);

impl HeldBack {
    /// Waits until a command is held, and tells its words; fails the test when none comes.
    #[track_caller]
    pub fn wait(&self) -> Vec<String> {
        self.0.wait("a command to hold back", |state| state.arrived.first().cloned())
    }

    /// Whether one is held.
    pub fn has_arrived(&self) -> bool {
        !self.0.state().arrived.is_empty()
    }

    /// Lets them go.
    pub fn release(self) {}

    /// Lets a late or second delivery go and tells the strings of the server's answer.
    #[track_caller]
    pub fn deliver(self) -> Vec<String> {
        self.0.open();
        self.0.wait("the answer to a late command", |state| state.answers.first().cloned()).strings
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.0.open();
    }
}
