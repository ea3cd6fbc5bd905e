//! What clients were told, key by key, and what a crash may have taken: the histories that are judged in the end.

use std::collections::BTreeMap;

use history_check::{Action, History, Operation, Outcome, Unexplained, Value};

use super::store::Store;
use crate::control::Id;
use crate::error::Refused;
use crate::wire::call::{Bytes, Call, Claimed, Reply, Verdict, Written};
use crate::wire::key::Key;

/// A key whose owner has crashed: what only its memory had is lost, until somebody else takes the key.
#[derive(Debug)]
struct Orphan {
    owner: Id,
    losses: Vec<usize>,
}

/// Versions of a key that a fail-over took away at a moment.
#[derive(Debug)]
struct Lost {
    tick: u64,
    values: Vec<Value>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    histories: BTreeMap<Key, History>,
    orphans: BTreeMap<Key, Orphan>,
    lost: BTreeMap<Key, Vec<Lost>>,
    /// Expiries among the operations of a key.
    expiries: BTreeMap<Key, Vec<usize>>,
    /// Phases that were served at once and are no neighbours.
    apart: Option<String>,
    ticks: u64,
    numbers: u64,
}

/// A value as histories have it.
pub fn value_of(bytes: Option<&Bytes>) -> Value {
    serde_json::from_slice(bytes?).ok()
}

impl Ledger {
    /// A number that nobody else has.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A moment after all others.
    pub fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    pub fn history(&mut self, key: &Key) -> &mut History {
        self.histories.entry(key.clone()).or_insert_with(|| History::new(key.value(), None))
    }

    /// Operations that were acknowledged.
    pub fn acknowledged(&self) -> usize {
        let operations = self.histories.values().flat_map(|history| &history.operations);
        operations.filter(|operation| matches!(operation.outcome, Outcome::Done { .. })).count()
    }

    pub fn begin(&mut self, key: &Key, client: &str, action: Action) -> usize {
        let tick = self.tick();
        self.history(key).begin(client, action, tick)
    }

    /// An operation is over.
    pub fn end(&mut self, key: &Key, operation: usize, result: &Result<Value, Refused>) {
        let at = self.tick();
        let outcome = match result {
            Ok(saw) => Outcome::Done { at, saw: Some(saw.clone()) },
            Err(Refused::Unknown(_)) => Outcome::Unknown { until: None },
            Err(_) => Outcome::Failed,
        };
        self.history(key).end(operation, outcome);
    }

    /// A value may expire from now on.
    pub fn begin_expiry(&mut self, key: &Key, list: Vec<u64>) -> usize {
        let expiry = self.begin(key, "expiry", Action::DeleteIf(list));
        self.expiries.entry(key.clone()).or_default().push(expiry);
        expiry
    }

    /// A value has expired by now.
    pub fn end_expiry(&mut self, key: &Key, expiry: usize) {
        let at = self.tick();
        self.history(key).end(expiry, Outcome::Done { at, saw: None });
    }

    /// The key may have fallen back to this value, at this moment.
    pub fn forgive_now(&mut self, key: &Key, value: Value) {
        let tick = self.tick();
        self.history(key).revert(value, tick, Some(tick));
    }

    /// The key may have fallen back to this value, or will.
    pub fn forgive_from_now(&mut self, key: &Key, value: Value) {
        let tick = self.tick();
        self.history(key).revert(value, tick, None);
    }

    /// The owner of a key has crashed.
    pub fn orphan(&mut self, key: &Key, owner: Id, store: &Store, now_ms: u64) {
        self.orphans.insert(key.clone(), Orphan { owner, losses: Vec::new() });
        self.may_fall_back(key, store, now_ms);
    }

    /// A key without an owner may fall back to what Redis has now.
    fn may_fall_back(&mut self, key: &Key, store: &Store, now_ms: u64) {
        let run = store.control().record.run;
        let record = store.shard(key).cell(key).record(run, now_ms).unwrap_or_default();
        self.forgive_from_now(key, value_of(record.version.value.as_ref()));
        let loss = self.history(key).operations.len() - 1;
        if let Some(orphan) = self.orphans.get_mut(key) {
            orphan.losses.push(loss);
        }
    }

    /// Looks at what a call has done.
    pub fn watch(&mut self, store: &Store, call: &Call, reply: &Reply, now_ms: u64) {
        let Some(key) = call.key().filter(|key| self.orphans.contains_key(*key)).cloned() else { return };
        match (call, reply) {
            (Call::Put(_) | Call::Release(_), Reply::Verdict(Verdict::Applied)) => {
                self.may_fall_back(&key, store, now_ms);
            }
            (Call::Claim(claim), Reply::Claimed(Claimed::Yours(_))) => {
                self.adopt(&key, claim.caller.incarnation);
            }
            (Call::Write(write), Reply::Written(Written::Applied(_))) => {
                self.adopt(&key, write.caller.incarnation);
            }
            _ => {}
        }
    }

    /// Somebody has taken a key whose owner had crashed: what was not lost by now is not lost.
    fn adopt(&mut self, key: &Key, by: Id) {
        if self.orphans.get(key).is_none_or(|orphan| orphan.owner == by) {
            return;
        }
        let Some(orphan) = self.orphans.remove(key) else { return };
        let tick = self.tick();
        for loss in orphan.losses {
            self.history(key).end(loss, Outcome::Unknown { until: Some(tick) });
        }
    }

    /// A data shard has failed over: these versions of a key are gone. What was read of them may not be there again,
    /// though nobody was told that it was written (L02), and keys without an owner fall back (L01).
    pub fn failed_over(&mut self, key: &Key, values: Vec<Value>, store: &Store, now_ms: u64) {
        let tick = self.tick();
        self.lost.entry(key.clone()).or_default().push(Lost { tick, values });
        if self.orphans.contains_key(key) {
            self.may_fall_back(key, store, now_ms);
        }
    }

    /// Phases are served at once that are no neighbours.
    pub fn set_apart(&mut self, phases: String) {
        self.apart.get_or_insert(phases);
    }

    /// Whether everything can be explained.
    pub fn judge(&self) -> Result<(), String> {
        self.explain().map_err(|unexplained| unexplained.to_string())?;
        self.apart.clone().map_or(Ok(()), Err)
    }

    fn explain(&self) -> Result<(), Box<Unexplained>> {
        self.histories.iter().try_for_each(|(key, history)| {
            let mut told = history.clone();
            if let Some(expiries) = self.expiries.get(key) {
                without_looks_at_ends(&mut told, expiries);
            }
            if let Some(lost) = self.lost.get(key) {
                without_reads_of(&mut told, lost);
            }
            told.check()
        })
    }
}

/// L02: reads before a fail-over of what it took away.
fn without_reads_of(history: &mut History, lost: &[Lost]) {
    history.operations.retain(|operation| {
        let Outcome::Done { saw: Some(saw), .. } = &operation.outcome else { return true };
        let is_lost = |lost: &Lost| operation.invoked < lost.tick && lost.values.contains(saw);
        operation.action.apply(saw) != *saw || !lost.iter().any(is_lost)
    });
}

/// While a value ends, one clock says so and another not yet: who looked by the first and changed nothing has not
/// ended it for the others.
fn without_looks_at_ends(history: &mut History, expiries: &[usize]) {
    let ends: Vec<_> = expiries.iter().map(|expiry| end(history, &history.operations[*expiry])).collect();
    history.operations.retain(|operation| {
        let Outcome::Done { at, saw: Some(None) } = operation.outcome else { return true };
        let is_within = |(from, until): &(u64, u64)| at >= *from && operation.invoked <= *until;
        operation.action.apply(&None).is_some() || !ends.iter().any(is_within)
    });
}

/// When a value ends. With a change of it in doubt there is no last moment: Redis has let the value end, and the change
/// may bring it back with what it was made from.
fn end(history: &History, expiry: &Operation) -> (u64, u64) {
    let Outcome::Done { at, .. } = expiry.outcome else { return (expiry.invoked, u64::MAX) };
    let in_doubt = |operation: &Operation| {
        let is_change = matches!(operation.action, Action::Append(_)) && operation.invoked < at;
        is_change && matches!(operation.outcome, Outcome::Unknown { .. })
    };
    (expiry.invoked, if history.operations.iter().any(in_doubt) { u64::MAX } else { at })
}
