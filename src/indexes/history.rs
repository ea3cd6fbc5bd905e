//! Back to how it was: the history tells what each collection had, the difference does the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::apply::journal::{Entry, Event, Flaw, flaws};
use super::diff::Step;
use super::index::Index;
use super::live::{LiveCollection, LiveIndex};
use super::spec::{CollectionSpec, DatabaseSpec, DeclaredIndex, Spec, Unmanaged};
use super::{IndexError, Refusal};
use crate::config::Place;

/// The history of one database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The database.
    pub database: String,
    /// Its entries, oldest first.
    pub entries: Vec<Entry>,
    /// What is wrong with them; empty when the history is whole.
    pub flaws: Vec<Flaw>,
}

impl HistoryReport {
    /// What is known of a database.
    pub fn new(database: &str, entries: Vec<Entry>) -> Self {
        let flaws = flaws(&entries);
        Self { schema: "scalectl.indexes.history/1", database: database.to_owned(), entries, flaws }
    }
}

/// The specification of how a database was after an entry (0: before the first); without one, before the last run.
pub fn spec_of(database: &str, entries: &[Entry], after: Option<i64>) -> Result<Spec, IndexError> {
    let blocked = |text: String| IndexError::from(Refusal::Blocked(text));
    if let Some(flaw) = flaws(entries).first() {
        let text = format!("the history of {database} was changed: entry {}: {}", flaw.number, flaw.what);
        return Err(blocked(text));
    }
    let Some(last) = entries.last() else {
        return Err(blocked(format!("{database} has no history: nothing was ever applied to it")));
    };
    let after = after.unwrap_or_else(|| last_beginning(entries) - 1);
    if !(0..=last.number).contains(&after) {
        return Err(blocked(format!("the history of {database} has the entries 1 to {}", last.number)));
    }
    let collections = collections_after(entries, after);
    Ok(Spec {
        name: format!("{database} after entry {after}"),
        hash: entries
            .iter()
            .find(|entry| entry.number == after)
            .map_or_else(String::new, |e| e.checksum.clone()),
        databases: vec![DatabaseSpec { name: database.to_owned(), collections }],
        soak: Duration::ZERO,
        commit_quorum: None,
    })
}

fn last_beginning(entries: &[Entry]) -> i64 {
    let beginnings = entries.iter().filter(|entry| matches!(entry.event, Event::Began { .. }));
    beginnings.map(|entry| entry.number).max().unwrap_or(1)
}

/// Each collection that was touched later, as it was then. The first run that touched it afterwards knows how it was
/// found; of a run that was going on, what it had done by then is added.
fn collections_after(entries: &[Entry], after: i64) -> Vec<CollectionSpec> {
    let going_on = entries
        .iter()
        .rev()
        .find(|entry| entry.number <= after && matches!(entry.event, Event::Began { .. }));
    let is_over = |run: &str| {
        entries.iter().any(|entry| entry.run == run && entry.number <= after && entry.event == Event::Ended)
    };
    let going_on = going_on.filter(|entry| !is_over(&entry.run)).map(|entry| entry.run.as_str());
    let mut states: BTreeMap<&str, LiveCollection> = BTreeMap::new();
    let mut built: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let later = entries.iter().filter(|entry| entry.number > after || Some(entry.run.as_str()) == going_on);
    for entry in later {
        match &entry.event {
            Event::Began { before, .. } => {
                for snapshot in before {
                    states.entry(&snapshot.collection).or_insert_with(|| collection(&snapshot.indexes));
                }
            }
            Event::Done { collection, step, .. } if entry.number <= after => {
                if let Some(state) = states.get_mut(collection.as_str()) {
                    state.foresee(step);
                }
            }
            Event::Started { collection, step: Step::Build { index }, .. } => {
                built.entry(collection).or_default().insert(&index.name);
            }
            _ => {}
        }
    }
    let specs = states.into_iter().map(|(name, state)| {
        let built = built.remove(name).unwrap_or_default();
        let absent = built.into_iter().filter(|name| state.index(name).is_none()).map(str::to_owned);
        specification(name, absent.collect(), &state)
    });
    specs.collect()
}

fn collection(indexes: &[Index]) -> LiveCollection {
    let indexes = indexes.iter().cloned().map(LiveIndex::Known).collect();
    LiveCollection { indexes, ..LiveCollection::default() }
}

fn specification(name: &str, absent: Vec<String>, state: &LiveCollection) -> CollectionSpec {
    let declared = |index: &Index| {
        let mut index = index.clone();
        index.options.prepare_unique = false;
        DeclaredIndex { index, is_named: true, place: Place { line: 1, column: 1 } }
    };
    CollectionSpec {
        name: name.to_owned(),
        unmanaged: Unmanaged::Keep,
        clustered: None,
        indexes: state.known().map(declared).collect(),
        absent,
        queries: Vec::new(),
    }
}
