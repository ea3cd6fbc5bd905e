//! Fingerprints of versions, and their sums by bucket: two sides with equal sums hold the same.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::control::Id;
use crate::wire::call::Version;
use crate::wire::key::Key;

/// Most buckets that a verifier may ask for.
pub const MOST_BUCKETS: u32 = 1 << 16;
/// Bytes of one bucket in an answer.
const RECORD: usize = 32;

/// What identifies a key's version: the first 128 bits of a SHA-256 over all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fingerprint(pub u128);

/// The fingerprint of what a key has: name, sequence, operation, expiry, value or tombstone.
pub fn fingerprint(key: &Key, version: &Version) -> Fingerprint {
    let Version { seq, op, value, expires_ms } = version;
    fingerprint_of(key, (*seq, *op, *expires_ms), value.as_deref())
}

/// The same of a version in parts: its sequence, operation and expiry, and its value.
pub fn fingerprint_of(key: &Key, (seq, op, expires_ms): (u64, Id, u64), value: Option<&[u8]>) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update((key.value().len() as u64).to_le_bytes());
    hash.update(key.value());
    hash.update(seq.to_le_bytes());
    hash.update(op.0.to_le_bytes());
    hash.update(expires_ms.to_le_bytes());
    match value {
        Some(value) => {
            hash.update([1]);
            hash.update(value);
        }
        None => hash.update([0]),
    }
    Fingerprint(head(&hash.finalize()))
}

/// The fingerprint of a value alone.
pub fn of_value(value: &[u8]) -> Fingerprint {
    Fingerprint(head(&Sha256::digest(value)))
}

/// The place of a key among all keys: its bucket is the remainder of it.
pub fn place(key: &str) -> u64 {
    head(&Sha256::digest(key)) as u64
}

/// The bucket of a place.
pub fn bucket(place: u64, buckets: u32) -> u32 {
    // The remainder is below `buckets`.
    (place % u64::from(buckets.max(1))) as u32
}

/// How many buckets divide this many keys well: a bucket that differs costs a look at some sixteen keys.
pub fn buckets_for(keys: u64) -> u32 {
    let wanted = (keys / 16).next_power_of_two().clamp(64, u64::from(MOST_BUCKETS));
    u32::try_from(wanted).unwrap_or(MOST_BUCKETS)
}

fn head(hash: &[u8]) -> u128 {
    hash.iter().take(16).enumerate().fold(0, |sum, (at, byte)| sum | u128::from(*byte) << (8 * at))
}

/// What a bucket comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Versions in it.
    pub count: u64,
    /// The sum of their fingerprints, modulo 2^128. Not an exclusive or: two equal ones must not cancel.
    pub sum: u128,
}

/// Sums by map and bucket. The order in which versions are added does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digests(BTreeMap<(u32, u32), Sum>);

impl Digests {
    /// Takes a version in.
    pub fn add(&mut self, map: u32, bucket: u32, fingerprint: Fingerprint) {
        let sum = self.0.entry((map, bucket)).or_default();
        sum.count += 1;
        sum.sum = sum.sum.wrapping_add(fingerprint.0);
    }

    /// The sum of a bucket; of one without versions, zero.
    pub fn get(&self, map: u32, bucket: u32) -> Sum {
        self.0.get(&(map, bucket)).copied().unwrap_or_default()
    }

    /// All sums, with their maps and buckets.
    pub fn iter(&self) -> impl Iterator<Item = ((u32, u32), Sum)> + '_ {
        self.0.iter().map(|(place, sum)| (*place, *sum))
    }

    /// All versions that were taken in.
    pub fn count(&self) -> u64 {
        self.0.values().map(|sum| sum.count).sum()
    }

    /// Maps and buckets in which two sides differ.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (u32, u32)> + 'a {
        let changed = self.0.iter().filter(|((map, bucket), sum)| other.get(*map, *bucket) != **sum);
        let only_there = other.0.keys().filter(|place| !self.0.contains_key(place));
        changed.map(|(place, _)| *place).chain(only_there.copied())
    }

    /// The same under other numbers of maps; those of maps without a number are left out.
    pub fn renumbered(&self, number: impl Fn(u32) -> Option<u32>) -> Self {
        let renumbered =
            self.0.iter().filter_map(|((map, bucket), sum)| Some(((number(*map)?, *bucket), *sum)));
        Self(renumbered.collect())
    }

    /// As bytes: 32 for each bucket that holds anything (map, bucket, count, sum; little-endian).
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * RECORD);
        for ((map, bucket), sum) in &self.0 {
            bytes.extend(map.to_le_bytes());
            bytes.extend(bucket.to_le_bytes());
            bytes.extend(sum.count.to_le_bytes());
            bytes.extend(sum.sum.to_le_bytes());
        }
        bytes
    }

    /// Takes in what [`Self::encode`] wrote, or a part of it. False when it is none.
    #[must_use]
    pub fn decode(&mut self, bytes: &[u8]) -> bool {
        let (records, rest) = bytes.as_chunks::<RECORD>();
        for record in records {
            let number = |from: usize, to: usize| {
                record[from..to].iter().rev().fold(0_u128, |number, byte| number << 8 | u128::from(*byte))
            };
            // Each is as wide as the field it was written from.
            let place = (number(0, 4) as u32, number(4, 8) as u32);
            let sum = self.0.entry(place).or_default();
            sum.count += number(8, 16) as u64;
            sum.sum = sum.sum.wrapping_add(number(16, 32));
        }
        rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(seq: u64, value: Option<&[u8]>, expires_ms: u64) -> Version {
        Version { seq, op: Id(u128::from(seq) + 7), value: value.map(Into::into), expires_ms }
    }

    fn digests(entries: &[(String, u64, Vec<u8>)]) -> Digests {
        let mut digests = Digests::default();
        for (id, seq, value) in entries {
            let key = Key::new("m:", id);
            let found = fingerprint(&key, &version(*seq, Some(value), 0));
            digests.add(0, bucket(place(key.value()), 8), found);
        }
        digests
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_bytes_tell_all(
            entries in prop::collection::vec(("[a-f]{1,4}", 1_u64.., prop::collection::vec(any::<u8>(), 0..20)), 0..40),
            turn in any::<prop::sample::Index>(),
        ) {
            let whole = digests(&entries);
            let mut turned = entries.clone();
            if !turned.is_empty() {
                turned.rotate_left(turn.index(entries.len()));
                turned.reverse();
            }
            prop_assert_eq!(&digests(&turned), &whole);
            let (mut read, bytes) = (Digests::default(), whole.encode());
            let (first, second) = bytes.split_at(bytes.len() / RECORD / 2 * RECORD);
            prop_assert!(read.decode(first) && read.decode(second));
            prop_assert_eq!(read, whole);
        }

        #[test]
        fn any_change_of_one_version_shows_in_its_bucket_only(
            entries in prop::collection::vec(("[a-z]{6}", 1_u64..1000, prop::collection::vec(any::<u8>(), 1..20)), 1..40),
            which in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
        ) {
            let which = which.index(entries.len());
            let whole = digests(&entries);
            let here = vec![(0, bucket(place(Key::new("m:", &entries[which].0).value()), 8))];
            let mut by_value = entries.clone();
            let value = &mut by_value[which].2;
            let byte = at.index(value.len());
            value[byte] ^= 1;
            prop_assert_eq!(whole.differing(&digests(&by_value)).collect::<Vec<_>>(), here.clone());
            let mut by_seq = entries.clone();
            by_seq[which].1 += 1;
            prop_assert_eq!(digests(&by_seq).differing(&whole).collect::<Vec<_>>(), here.clone());
            let mut without = entries.clone();
            without.remove(which);
            prop_assert_eq!(whole.differing(&digests(&without)).collect::<Vec<_>>(), here);
        }
    }

    #[test]
    fn a_version_that_is_there_twice_does_not_cancel() {
        let one = [("a".to_owned(), 1, vec![1])];
        let twice = [one[0].clone(), one[0].clone()];
        let thrice = [one[0].clone(), one[0].clone(), one[0].clone()];
        assert_ne!(digests(&twice), Digests::default());
        assert_ne!(digests(&thrice), digests(&one));
    }

    #[test]
    fn each_field_is_told_from_the_others() {
        let key = Key::new("m:", "a");
        let versions = [
            version(1, Some(b"x"), 0),
            version(2, Some(b"x"), 0),
            version(1, Some(b""), 0),
            version(1, None, 0),
            version(1, Some(b"x"), 1),
            Version { op: Id(1), ..version(1, Some(b"x"), 0) },
        ];
        let found: std::collections::BTreeSet<_> =
            versions.iter().map(|version| fingerprint(&key, version)).collect();
        assert_eq!(found.len(), versions.len());
        assert_ne!(fingerprint(&Key::new("m:", "b"), &versions[0]), fingerprint(&key, &versions[0]));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert!(!Digests::default().decode(&[0; 33]));
        assert_eq!([0, 1_000, 16_000, u64::MAX / 2].map(buckets_for), [64, 64, 1_024, MOST_BUCKETS]);
    }
}
