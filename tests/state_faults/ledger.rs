//! What was done to each key, by the clock of the test, and whether it can be explained.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use history_check::{Action, History, Operation, Outcome, Value as Content};
use serde_json::{Value, json};

use super::instance::{Answer, Line};

/// All histories.
#[derive(Debug)]
pub struct Ledger {
    begin: Instant,
    histories: Mutex<BTreeMap<String, History>>,
    items: AtomicU64,
}

impl Ledger {
    /// Nothing was done yet.
    pub fn new() -> Self {
        Self { begin: Instant::now(), histories: Mutex::default(), items: AtomicU64::new(1) }
    }

    /// A number that nobody else gets.
    pub fn item(&self) -> u64 {
        self.items.fetch_add(1, Ordering::Relaxed)
    }

    /// Now, in microseconds.
    pub fn now(&self) -> u64 {
        self.begin.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
    }

    /// Carries an operation out over a connection, which is gone afterwards if it failed, and writes down what
    /// became of it.
    pub fn perform(
        &self,
        line: &mut Option<Line>,
        to: SocketAddr,
        client: &str,
        key: &str,
        action: Action,
    ) -> Option<Answer> {
        if line.is_none() {
            *line = Line::to(to).ok();
        }
        let request = request(key, &action);
        let connection = line.as_mut()?;
        let invoked = self.now();
        let number = self.begin(client, key, action, invoked);
        let answer = connection.ask(&request).ok();
        if answer.is_none() {
            *line = None;
        }
        self.end(key, number, answer.as_ref());
        answer
    }

    /// Writes down the beginning of an operation.
    pub fn begin(&self, client: &str, key: &str, action: Action, invoked: u64) -> usize {
        self.with(key, |history| history.begin(client, action, invoked))
    }

    /// Writes down its end; without an answer it is not known.
    pub fn end(&self, key: &str, number: usize, answer: Option<&Answer>) {
        let outcome = match answer {
            Some(Answer::Ok(found)) => Outcome::Done { at: self.now(), saw: Some(content(found)) },
            Some(Answer::Refused(_)) => Outcome::Failed,
            Some(Answer::Unknown(_) | Answer::Paused) | None => Outcome::Unknown { until: None },
        };
        self.with(key, |history| history.end(number, outcome));
    }

    /// Writes down what a key has in the new store.
    pub fn found(&self, key: &str, found: Content) {
        let now = self.now();
        self.with(key, |history| history.done("store", Action::Get, now, now, Some(found)));
    }

    /// The memory of a killed process is gone: between these times the key may have fallen back to what Redis has.
    pub fn lost(&self, key: &str, fallback: Content, at: u64, until: u64) {
        self.with(key, |history| history.revert(fallback, at, Some(until)));
    }

    /// A fail-over at this time may take back writes that nobody was promised: reads of them count no more (a reader
    /// sees a write before the replicas have it).
    pub fn forgive_early_reads(&self, failed_over_at: u64) {
        for history in self.histories().values_mut() {
            let unpromised: Vec<u64> =
                history.operations.iter().filter_map(|o| unpromised(o, failed_over_at)).collect();
            for read in history.operations.iter_mut().filter(|operation| has_only_looked(operation)) {
                let Outcome::Done { at, saw } = &mut read.outcome else { continue };
                // The answer of a server may be told to the client after the server's death.
                if unpromised.iter().any(|invoked| invoked < at) && read.invoked <= failed_over_at {
                    (read.action, *saw) = (Action::Get, None);
                }
            }
        }
    }

    /// The keys that were used.
    pub fn keys(&self) -> Vec<String> {
        self.histories().keys().cloned().collect()
    }

    /// How many operations were carried out, and how many have an unknown outcome or failed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let histories = self.histories();
        let outcomes = || histories.values().flat_map(|history| &history.operations).map(|o| &o.outcome);
        (
            outcomes().filter(|outcome| matches!(outcome, Outcome::Done { .. })).count(),
            outcomes().filter(|outcome| matches!(outcome, Outcome::Unknown { .. })).count(),
            outcomes().filter(|outcome| matches!(outcome, Outcome::Failed)).count(),
        )
    }

    /// Of each key what no single, never failing map could have answered.
    pub fn unexplained(&self) -> Vec<String> {
        let histories = self.histories();
        histories
            .values()
            .filter_map(|history| history.check().err())
            .map(|wrong| wrong.to_string())
            .collect()
    }

    fn with<T>(&self, key: &str, act: impl FnOnce(&mut History) -> T) -> T {
        let mut histories = self.histories();
        act(histories.entry(key.to_owned()).or_insert_with(|| History::new(key, None)))
    }

    fn histories(&self) -> MutexGuard<'_, BTreeMap<String, History>> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a write began that was not acknowledged by this time.
fn unpromised(operation: &Operation, by: u64) -> Option<u64> {
    let is_promised = match operation.outcome {
        Outcome::Done { at, .. } => at <= by,
        Outcome::Unknown { .. } => false,
        Outcome::Failed => true,
    };
    (operation.action != Action::Get && !is_promised && operation.invoked <= by).then_some(operation.invoked)
}

/// Whether an operation that was carried out has changed nothing.
fn has_only_looked(operation: &Operation) -> bool {
    match (&operation.action, &operation.outcome) {
        (Action::Get, _) => true,
        (Action::DeleteIf(list), Outcome::Done { saw: Some(saw), .. }) => saw.as_ref() != Some(list),
        _ => false,
    }
}

/// What an instance is asked for an operation.
pub fn request(key: &str, action: &Action) -> Value {
    match action {
        Action::Get => json!({"op": "get", "key": key}),
        Action::Set(list) => json!({"op": "set", "key": key, "list": list}),
        Action::Append(item) => json!({"op": "append", "key": key, "item": item}),
        Action::Delete => json!({"op": "delete", "key": key}),
        Action::DeleteIf(list) => json!({"op": "delete-if", "key": key, "list": list}),
        Action::Revert(_) => unreachable!("nobody asks for a loss"),
    }
}

/// A list as instances answer it.
pub fn content(found: &Value) -> Content {
    serde_json::from_value(found.clone()).expect("an instance answers a list or null")
}
