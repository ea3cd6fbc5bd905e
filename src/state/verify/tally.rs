//! What a scan of Redis adds up to: digests by owner, counts by map, and what is wrong at first sight.

use std::collections::{BTreeMap, BTreeSet};

use state_map::Id;
use state_map::verify::Digests;
use state_map::verify::digest::{bucket, place};
use state_map::wire::key::Key;

use super::baseline::{Check, Sampling};
use super::class::{Class, Terms, check};
use super::invariant::Ends;
use super::maps::Maps;
use super::report::MapCoverage;
use super::stored::Stored;

/// What a scan adds up to.
pub struct Tally<'a> {
    /// The maps.
    pub maps: &'a Maps,
    /// How keys are held against their own records.
    pub terms: Terms,
    /// Into how many buckets keys are divided.
    pub buckets: u32,
    /// Versions that expire before this time are left out of digests, as the instances leave them out.
    pub expiring_before_ms: u64,
    /// Who answers for what it owns.
    pub owners: &'a BTreeSet<Id>,
    /// Digests by owner.
    pub digests: BTreeMap<Id, Digests>,
    /// Counts, by number of the map.
    pub counts: Vec<MapCoverage>,
    /// Keys that do not agree with their own records.
    pub suspicious: Vec<Key>,
    /// Both ends of each rule.
    pub ends: Vec<Ends>,
    /// The earlier sample.
    pub baseline: Option<Check<'a>>,
    /// A sample for later.
    pub sampling: Option<Sampling>,
}

impl Tally<'_> {
    /// Takes a key in.
    pub fn take(&mut self, key: &Key, stored: &Stored) {
        let Some(map) = self.maps.of(key) else { return };
        let class = check(stored, self.terms);
        match class {
            None => self.sampling.iter_mut().for_each(|sampling| sampling.take(key, stored, self.terms.run)),
            Some(Class::Expiring) => {}
            Some(_) => self.suspicious.push(key.clone()),
        }
        self.ends.iter_mut().for_each(|ends| ends.take(map, key, stored));
        self.baseline.iter_mut().for_each(|baseline| baseline.take(key, stored));
        self.count(map, key, stored, class);
    }

    fn count(&mut self, map: u32, key: &Key, stored: &Stored, class: Option<Class>) {
        let Some(counts) = self.counts.get_mut(map as usize) else { return };
        counts.in_redis += 1;
        counts.bytes += stored.bytes().map_or(0, |bytes| bytes.len() as u64);
        let Some(record) = stored.of_run(self.terms.run) else { return };
        counts.tombstones += u64::from(record.deleted);
        let is_expiring = record.expires_ms != 0 && record.expires_ms < self.expiring_before_ms;
        counts.expiring += u64::from(is_expiring || class == Some(Class::Expiring));
        if !self.owners.contains(&record.owner) {
            counts.unowned += 1;
        } else if !is_expiring {
            let bucket = bucket(place(key.value()), self.buckets);
            let value = stored.bytes().filter(|_| !record.deleted);
            let version = (record.seq, record.op, record.expires_ms);
            let print = state_map::verify::digest::fingerprint_of(key, version, value);
            self.digests.entry(record.owner).or_default().add(map, bucket, print);
        }
    }
}
