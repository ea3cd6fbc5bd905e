//! The search for an explanation.
//!
//! A configuration is a possible value and the set of pending operations that have had their moment. At the end of
//! an operation every configuration is carried on by pending operations until this one has had its moment; those
//! that cannot are dropped. When none is left, the operation cannot be explained.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::history::{Action, History, Operation, Outcome, Value};

/// Operations that may be pending at once.
const PLACES: usize = 128;

/// Where the search ended without an explanation.
#[derive(Debug)]
pub struct Gap {
    /// Index of the operation.
    pub operation: usize,
    /// The values that the key may have had before it.
    pub possible: Vec<Value>,
    /// Whether too much was pending to go on, so that nothing is proven.
    pub is_overrun: bool,
}

/// Searches for an explanation.
pub fn explain(history: &History) -> Result<(), Gap> {
    let relevant = relevant(history);
    let mut search = Search::new(history);
    for event in events(history, &relevant) {
        match event {
            Event::Begin(operation) => search.begin(operation)?,
            Event::End(operation) if history.operations[operation].is_optional() => search.pass(operation),
            Event::End(operation) => search.end(operation)?,
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Begin(usize),
    End(usize),
}

/// Beginnings and ends in their order. At equal times beginnings come first: such operations are concurrent.
fn events(history: &History, relevant: &[usize]) -> Vec<Event> {
    let mut events = Vec::with_capacity(2 * relevant.len());
    for &index in relevant {
        let operation = &history.operations[index];
        events.push((operation.invoked, Event::Begin(index)));
        if operation.ended() != u64::MAX {
            events.push((operation.ended(), Event::End(index)));
        }
    }
    events.sort_unstable();
    events.into_iter().map(|(_, event)| event).collect()
}

/// Operations that matter. What brought numbers that nobody has seen or compared with, and perhaps never happened,
/// explains nothing: any value made from it is one that nobody has seen either.
fn relevant(history: &History) -> Vec<usize> {
    let mut seen: HashSet<u64> = HashSet::new();
    for operation in &history.operations {
        seen.extend(operation.saw().into_iter().flatten().flatten());
        if let Action::Revert(Some(list)) | Action::DeleteIf(list) = &operation.action {
            seen.extend(list);
        }
    }
    let matters = |operation: &Operation| match operation.outcome {
        Outcome::Failed => false,
        Outcome::Done { .. } => true,
        Outcome::Unknown { .. } if operation.action == Action::Get => false,
        Outcome::Unknown { .. } => operation.action.brings().iter().all(|number| seen.contains(number)),
    };
    (0..history.operations.len()).filter(|&index| matters(&history.operations[index])).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Configuration {
    value: u32,
    happened: u128,
}

struct Search<'a> {
    history: &'a History,
    values: Vec<Value>,
    numbers: HashMap<Value, u32>,
    places: [Option<usize>; PLACES],
    optional: u128,
    configurations: BTreeSet<Configuration>,
}

impl<'a> Search<'a> {
    fn new(history: &'a History) -> Self {
        let mut search = Self {
            history,
            values: Vec::new(),
            numbers: HashMap::new(),
            places: [None; PLACES],
            optional: 0,
            configurations: BTreeSet::new(),
        };
        for initial in &history.initial {
            let value = search.number(initial.clone());
            search.configurations.insert(Configuration { value, happened: 0 });
        }
        search
    }

    fn number(&mut self, value: Value) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = self.values.len().try_into().unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    fn begin(&mut self, operation: usize) -> Result<(), Gap> {
        let Some(place) = self.places.iter().position(Option::is_none) else {
            return Err(self.gap(operation, true));
        };
        self.places[place] = Some(operation);
        if self.history.operations[operation].is_optional() {
            self.optional |= 1 << place;
        }
        Ok(())
    }

    /// An operation that perhaps happened has now, or never will.
    fn pass(&mut self, operation: usize) {
        let Some(place) = self.place(operation) else { return };
        let reachable = self.carry_on(|_| false);
        self.configurations = reachable;
        self.vacate(place);
    }

    fn end(&mut self, operation: usize) -> Result<(), Gap> {
        let Some(place) = self.place(operation) else { return Ok(()) };
        let bit = 1_u128 << place;
        let reachable = self.carry_on(|configuration| configuration.happened & bit != 0);
        let explained: BTreeSet<_> = reachable.iter().copied().filter(|c| c.happened & bit != 0).collect();
        if explained.is_empty() {
            self.configurations = reachable;
            return Err(self.gap(operation, false));
        }
        self.configurations = explained;
        self.vacate(place);
        Ok(())
    }

    fn place(&self, operation: usize) -> Option<usize> {
        self.places.iter().position(|place| *place == Some(operation))
    }

    fn vacate(&mut self, place: usize) {
        self.places[place] = None;
        self.optional &= !(1 << place);
        let configurations = std::mem::take(&mut self.configurations);
        let cleared =
            configurations.into_iter().map(|c| Configuration { happened: c.happened & !(1 << place), ..c });
        self.configurations = without_dominated(cleared.collect(), self.optional);
    }

    /// All configurations that pending operations lead to; not beyond those that are `enough`.
    fn carry_on(&mut self, enough: impl Fn(Configuration) -> bool) -> BTreeSet<Configuration> {
        let pending: Vec<(usize, usize)> = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(place, operation)| Some((place, (*operation)?)))
            .collect();
        let mut reached = self.configurations.clone();
        let mut fresh: Vec<Configuration> = reached.iter().copied().filter(|c| !enough(*c)).collect();
        while let Some(configuration) = fresh.pop() {
            for &(place, operation) in &pending {
                let Some(next) = self.step(configuration, place, operation) else { continue };
                if reached.insert(next) && !enough(next) {
                    fresh.push(next);
                }
            }
        }
        reached
    }

    fn step(&mut self, from: Configuration, place: usize, operation: usize) -> Option<Configuration> {
        if from.happened & (1 << place) != 0 {
            return None;
        }
        let operation = &self.history.operations[operation];
        let before = &self.values[from.value as usize];
        if operation.saw().is_some_and(|saw| saw != before) {
            return None;
        }
        let after = operation.action.apply(before);
        // Perhaps never, or without any effect: that is the same.
        if operation.is_optional() && after == *before {
            return None;
        }
        Some(Configuration { value: self.number(after), happened: from.happened | 1 << place })
    }

    fn gap(&self, operation: usize, is_overrun: bool) -> Gap {
        let values: BTreeSet<&Value> =
            self.configurations.iter().map(|c| &self.values[c.value as usize]).collect();
        Gap { operation, possible: values.into_iter().cloned().collect(), is_overrun }
    }
}

/// Without configurations that differ from another one only in that more of what perhaps happened has: the other can
/// do all that they can.
fn without_dominated(configurations: BTreeSet<Configuration>, optional: u128) -> BTreeSet<Configuration> {
    if optional == 0 {
        return configurations;
    }
    let mut alike: HashMap<(u32, u128), Vec<u128>> = HashMap::new();
    for Configuration { value, happened } in configurations {
        let least = alike.entry((value, happened & !optional)).or_default();
        let perhaps = happened & optional;
        if least.iter().all(|fewer| fewer & !perhaps != 0) {
            least.retain(|other| perhaps & !other != 0);
            least.push(perhaps);
        }
    }
    let kept = alike.into_iter().flat_map(|((value, required), least)| {
        least.into_iter().map(move |perhaps| Configuration { value, happened: required | perhaps })
    });
    kept.collect()
}
