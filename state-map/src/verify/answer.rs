//! What an instance answers: one header, and parts of bounded size. Pure; nothing here connects to anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::{self, Digests, MOST_BUCKETS};
use super::inquiry::{Inquiry, Question};
use super::source::{Holding, Holdings, Source};
use crate::control::{Id, Stamp};
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::wire::call::Bytes;
use crate::wire::key::Key;

/// Most bytes in one part.
const PART_BYTES: usize = 256 << 10;
/// Most keys in one part of entries.
const PART_KEYS: usize = 1_000;
/// Keys that are taken in between two chances for requests to run.
const AT_ONCE: usize = 1_024;
/// Most keys that one answer tells one by one.
const MOST_KEYS: usize = 200_000;

/// The header of an answer, as JSON. It is written last: who sees it can read all parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Name of the instance.
    pub instance: String,
    /// Its incarnation.
    pub incarnation: Id,
    /// The run that it takes part in.
    pub run: Id,
    /// The change of the control record that it has acknowledged.
    pub acknowledged: Stamp,
    /// The phase that it serves requests in.
    pub serving: Phase,
    /// The epoch at which it last dropped all memory and ownership; 0: never.
    #[serde(default)]
    pub dropped_epoch: u64,
    /// Its maps; entries and digests name them by their place here.
    pub maps: Vec<MapTold>,
    /// How many parts there are.
    pub parts: u32,
    /// Whether more keys were asked for than one answer may tell.
    #[serde(default)]
    pub cut: bool,
}

/// What one map of an instance holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MapTold {
    /// Its name.
    pub name: String,
    /// Start of its keys in Redis.
    pub prefix: String,
    /// Keys that it owns and that were written, tombstones and those that expire soon included.
    pub keys: u64,
    /// Of those, tombstones.
    pub tombstones: u64,
    /// Of those, the ones that expire too soon to be compared.
    pub expiring: u64,
    /// Of those, the ones that Redis has yet to be told of.
    pub owed: u64,
    /// Keys that it holds and has not claimed.
    pub unclaimed: u64,
    /// Bytes of all values, claimed or not.
    pub bytes: u64,
    /// The highest sequence of any key.
    pub highest_seq: u64,
}

/// A key, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// Place of its map in the header.
    pub map: u32,
    /// Sequence of its version.
    pub seq: u64,
    /// The operation that wrote it.
    pub op: Id,
    /// When it expires; 0: never.
    pub expires_ms: u64,
    /// Fingerprint of the value; none for a tombstone.
    pub value: Option<Id>,
    /// Generation under which the key is owned; 0: it is not claimed.
    pub generation: u64,
    /// Whether Redis has yet to be told of it.
    pub owed: bool,
}

impl Entry {
    fn new(map: u32, key: &Key, holding: &Holding) -> Self {
        let Holding { version, owed, generation, .. } = holding;
        Self {
            key: key.clone(),
            map,
            seq: version.seq,
            op: version.op,
            expires_ms: version.expires_ms,
            value: version.value.as_deref().map(|value| Id(digest::of_value(value).0)),
            generation: *generation,
            owed: *owed,
        }
    }
}

/// A piece of an answer: a field of [`Space::answers`](crate::wire::key::Space::answers) and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Name of the field.
    pub field: String,
    /// What it holds.
    pub body: Bytes,
}

/// Name of the field of a part.
pub fn part_field(incarnation: Id, part: u32) -> String {
    format!("{incarnation}:{part}")
}

/// The answer of an instance, in the order in which it has to be written. Requests run in between.
pub async fn answer(source: &dyn Source, inquiry: &Inquiry) -> Vec<Part> {
    let mut collected = Collected::new(source, inquiry);
    let holdings = source.holdings();
    for (map, holdings) in (0..).zip(&holdings) {
        collected.map(map, &**holdings).await;
    }
    collected.into_parts(source)
}

/// An answer in the making.
struct Collected<'a> {
    inquiry: &'a Inquiry,
    wanted: BTreeSet<u32>,
    maps: Vec<MapTold>,
    digests: Digests,
    entries: Vec<Entry>,
    cut: bool,
}

impl<'a> Collected<'a> {
    fn new(source: &dyn Source, inquiry: &'a Inquiry) -> Self {
        let maps = source.holdings();
        let maps = maps.iter().map(|holdings| MapTold {
            name: holdings.map_name().to_owned(),
            prefix: holdings.prefix().to_owned(),
            ..MapTold::default()
        });
        let wanted = match &inquiry.question {
            Question::Entries { of, .. } => of.iter().copied().collect(),
            _ => BTreeSet::new(),
        };
        let (digests, entries) = (Digests::default(), Vec::new());
        Self { inquiry, wanted, maps: maps.collect(), digests, entries, cut: false }
    }

    async fn map(&mut self, map: u32, holdings: &dyn Holdings) {
        if let Question::Keys { keys } = &self.inquiry.question {
            let keys = keys.iter().filter(|key| key.value().starts_with(holdings.prefix()));
            for (key, holding) in keys.filter_map(|key| Some((key, holdings.find(key)?))) {
                if answers_for(&holding) {
                    self.tell(map, key, &holding);
                }
            }
            return;
        }
        let mut place = Some(0);
        while let Some(from) = place {
            place = holdings.show(from, AT_ONCE, &mut |key, holding| self.take(map, key, &holding));
            tokio::task::yield_now().await;
        }
    }

    fn take(&mut self, map: u32, key: &Key, holding: &Holding) {
        if !answers_for(holding) || !self.count(map, holding) {
            return;
        }
        match self.inquiry.question {
            Question::Digests { buckets } if !expires_before(holding, self.inquiry.expiring_before_ms) => {
                let bucket = digest::bucket(digest::place(key.value()), buckets.min(MOST_BUCKETS));
                self.digests.add(map, bucket, digest::fingerprint(key, &holding.version));
            }
            Question::Entries { buckets, .. } => {
                let bucket = digest::bucket(digest::place(key.value()), buckets.min(MOST_BUCKETS));
                if self.wanted.contains(&bucket) {
                    self.tell(map, key, holding);
                }
            }
            _ => {}
        }
    }

    /// Counts a key; whether it is one that Redis must have.
    fn count(&mut self, map: u32, holding: &Holding) -> bool {
        let Some(told) = self.maps.get_mut(map as usize) else { return false };
        let Holding { version, owed, generation, .. } = holding;
        told.unclaimed += u64::from(*generation == 0);
        told.bytes += version.value.as_ref().map_or(0, |value| value.len() as u64);
        if *generation == 0 || version.seq == 0 {
            return false;
        }
        told.keys += 1;
        told.tombstones += u64::from(version.value.is_none());
        told.expiring += u64::from(expires_before(holding, self.inquiry.expiring_before_ms));
        told.owed += u64::from(*owed);
        told.highest_seq = told.highest_seq.max(version.seq);
        true
    }

    fn tell(&mut self, map: u32, key: &Key, holding: &Holding) {
        if self.entries.len() < MOST_KEYS {
            self.entries.push(Entry::new(map, key, holding));
        } else {
            self.cut = true;
        }
    }

    fn into_parts(self, source: &dyn Source) -> Vec<Part> {
        let who = source.who();
        let sums = self.digests.encode();
        let sums = sums.chunks(PART_BYTES).map(<[u8]>::to_vec);
        // Entries are plain values: they cannot fail to become JSON.
        let entries = self.entries.chunks(PART_KEYS);
        let bodies = sums.chain(entries.map(|entries| serde_json::to_vec(entries).unwrap_or_default()));
        let mut parts: Vec<Part> = (0..)
            .zip(bodies)
            .map(|(number, body)| Part { field: part_field(who.incarnation, number), body: body.into() })
            .collect();
        let told = Told {
            instance: who.name,
            incarnation: who.incarnation,
            run: who.run,
            acknowledged: who.acknowledged,
            serving: who.serving,
            dropped_epoch: who.dropped_epoch,
            maps: self.maps,
            // `MOST_KEYS` and `MOST_BUCKETS` bound it.
            parts: parts.len() as u32,
            cut: self.cut,
        };
        let header = serde_json::to_vec(&told).unwrap_or_default();
        parts.push(Part { field: who.incarnation.to_string(), body: header.into() });
        parts
    }
}

/// An instance answers for all that it holds, whoever wrote it: it is what its next request reads.
fn answers_for(holding: &Holding) -> bool {
    !planted(Bug::VerifierOfWriterOnly) || holding.written_here
}

fn expires_before(holding: &Holding, time_ms: u64) -> bool {
    let expires = holding.version.expires_ms;
    expires != 0 && expires < time_ms
}

/// An instance of plain values, for those who imitate one.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Name of the map.
    pub map: &'static str,
    /// Start of its keys.
    pub prefix: String,
    /// What it holds.
    pub keys: indexmap::IndexMap<Key, Holding>,
}

impl Holdings for Snapshot {
    fn map_name(&self) -> &'static str {
        self.map
    }

    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn show(&self, from: usize, most: usize, visit: &mut dyn FnMut(&Key, Holding)) -> Option<usize> {
        self.keys.iter().skip(from).take(most).for_each(|(key, holding)| visit(key, holding.clone()));
        (from + most < self.keys.len()).then_some(from + most)
    }

    fn find(&self, key: &Key) -> Option<Holding> {
        self.keys.get(key).cloned()
    }
}

/// [`Snapshot`]s and whose they are.
#[derive(Debug, Clone)]
pub struct Imitation {
    /// Whose.
    pub who: super::source::Who,
    /// The maps.
    pub maps: Vec<Arc<Snapshot>>,
}

impl Source for Imitation {
    fn who(&self) -> super::source::Who {
        self.who.clone()
    }

    fn holdings(&self) -> Vec<Arc<dyn Holdings>> {
        self.maps.iter().map(|map| Arc::clone(map) as Arc<dyn Holdings>).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
