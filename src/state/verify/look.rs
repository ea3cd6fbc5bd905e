//! A look at single keys on both sides: what each owner has, then what Redis has.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use state_map::Id;
use state_map::verify::{Entry, Question};
use state_map::wire::key::Key;

use super::class::{Class, Terms, check, compare};
use super::inquire::{Answers, Asking};
use super::scan::read_keys;
use super::servers::Servers;
use super::settle::Look;
use super::stored::Stored;
use crate::state::StateError;

/// Keys that one question asks for.
const KEYS_AT_ONCE: usize = 2_000;

/// What both sides have of a key.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// What instances say of it.
    pub memory: Vec<(Id, Entry)>,
    /// What Redis has.
    pub redis: Stored,
    /// The epoch at which the owner that Redis names dropped all that it had; 0: never, or nobody answered.
    pub dropped_epoch: u64,
}

impl Sides {
    /// What it comes to. `asking` says who answers for what it owns.
    pub fn look(&self, asking: &Asking, terms: Terms) -> Look {
        let class = self.class(asking, terms);
        let mut hasher = DefaultHasher::new();
        for (owner, entry) in &self.memory {
            (owner, entry.seq, entry.op, entry.value, entry.expires_ms, entry.generation).hash(&mut hasher);
        }
        if let Some(record) = &self.redis.record {
            (record.run, record.owner, record.seq, record.op, record.deleted, record.expires_ms)
                .hash(&mut hasher);
        }
        (self.redis.value_print(), self.redis.expires_ms, class).hash(&mut hasher);
        let memory_seq = self.memory.iter().map(|(_, entry)| entry.seq).max().unwrap_or(0);
        let redis_seq = self.redis.of_run(terms.run).map_or(0, |record| record.seq);
        Look { class, print: hasher.finish().into(), memory_seq, redis_seq }
    }

    fn class(&self, asking: &Asking, terms: Terms) -> Option<Class> {
        let owned: Vec<_> = self.memory.iter().filter(|(_, entry)| entry.generation > 0).collect();
        match &owned[..] {
            [] => self.class_without_owner(asking, terms),
            [(owner, entry)] => {
                let unclaimed = self.memory.len() > 1;
                compare(*owner, entry, &self.redis, terms).or(unclaimed.then_some(Class::Unclaimed))
            }
            _ => Some(Class::Conflict),
        }
    }

    fn class_without_owner(&self, asking: &Asking, terms: Terms) -> Option<Class> {
        if let Some(class) = check(&self.redis, terms) {
            return Some(class);
        }
        if !self.memory.is_empty() {
            return Some(Class::Unclaimed);
        }
        let record = self.redis.of_run(terms.run)?;
        // Claimed before the owner dropped everything on the way back from `strict`: it is claimed again when it is used.
        let is_dormant = record.claim_epoch < self.dropped_epoch;
        (asking.of.contains(&record.owner) && !is_dormant).then_some(Class::Extra)
    }
}

/// The entries of some answers, by key. An answer that cannot be read is none: its instance counts as silent.
pub fn entries(answers: &mut Answers) -> BTreeMap<Key, Vec<(Id, Entry)>> {
    let mut found: BTreeMap<Key, Vec<(Id, Entry)>> = BTreeMap::new();
    for (incarnation, answer) in &answers.of {
        let parts = answer.parts.iter().map(|part| serde_json::from_slice::<Vec<Entry>>(part));
        match parts.collect::<Result<Vec<_>, _>>() {
            Ok(parts) => {
                for entry in parts.into_iter().flatten() {
                    found.entry(entry.key.clone()).or_default().push((*incarnation, entry));
                }
            }
            Err(_) => {
                answers.silent.insert(*incarnation);
            }
        }
    }
    found
}

/// Looks at some keys on both sides, and says who did not answer. The instances come first: what they have then, Redis must have later.
pub async fn look_at(
    servers: &Servers,
    asking: &Asking,
    keys: &[Key],
) -> Result<(BTreeMap<Key, Sides>, BTreeSet<Id>), StateError> {
    let (mut sides, mut silent) = (BTreeMap::new(), BTreeSet::new());
    for keys in keys.chunks(KEYS_AT_ONCE) {
        let (mut memory, mut dropped) = (BTreeMap::new(), BTreeMap::new());
        if !asking.of.is_empty() {
            let mut answers = asking.ask(servers, Question::Keys { keys: keys.to_vec() }, 0).await?;
            memory = entries(&mut answers);
            dropped.extend(answers.of.iter().map(|(owner, answer)| (*owner, answer.told.dropped_epoch)));
            silent.extend(answers.silent);
        }
        for (key, redis) in read_keys(servers, keys).await? {
            let memory = memory.remove(&key).unwrap_or_default();
            let owner = redis.record.as_ref().map(|record| record.owner);
            let dropped_epoch = owner.and_then(|owner| dropped.get(&owner)).copied().unwrap_or_default();
            sides.insert(key, Sides { memory, redis, dropped_epoch });
        }
    }
    Ok((sides, silent))
}
