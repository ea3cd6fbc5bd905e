//! Looks into buckets that differ, key by key.

use std::collections::{BTreeMap, BTreeSet};

use state_map::Id;
use state_map::verify::Question;
use state_map::verify::digest::bucket;
use state_map::wire::key::Key;

use super::inquire::Asking;
use super::look::{Sides, entries};
use super::maps::Maps;
use super::scan::scan;
use super::servers::Servers;
use crate::state::StateError;

/// Most buckets that are looked into; of more, the rest is said not to have been compared.
pub const MOST: usize = 16_384;
/// Buckets that one question asks for.
const AT_ONCE: usize = 4_096;

/// What is in some buckets, on both sides.
pub struct Descended {
    /// The keys.
    pub keys: BTreeMap<Key, Sides>,
    /// Who did not answer.
    pub silent: BTreeSet<Id>,
    /// Whether an instance had more keys there than it may tell.
    pub is_cut: bool,
}

/// Reads some buckets on both sides.
pub async fn descend(
    servers: &Servers,
    maps: &Maps,
    asking: &Asking,
    buckets: u32,
    of: &BTreeSet<u32>,
) -> Result<Descended, StateError> {
    let mut found = Descended { keys: BTreeMap::new(), silent: BTreeSet::new(), is_cut: false };
    let numbers: Vec<u32> = of.iter().copied().collect();
    for of in numbers.chunks(AT_ONCE) {
        let mut answers = asking.ask(servers, Question::Entries { buckets, of: of.to_vec() }, 0).await?;
        found.is_cut |= answers.of.values().any(|answer| answer.told.cut);
        for (key, memory) in entries(&mut answers) {
            found.keys.entry(key).or_default().memory = memory;
        }
        found.silent.extend(answers.silent);
    }
    let wanted = |place| of.contains(&bucket(place, buckets));
    let keys = &mut found.keys;
    scan(servers, maps, &wanted, |key, stored, _| {
        keys.entry(key.clone()).or_default().redis = stored.clone();
    })
    .await?;
    Ok(found)
}
