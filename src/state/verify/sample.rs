//! Some of the keys that differ, with what both sides have: values by fingerprint, and whole only when asked for.

use state_map::verify::Entry;
use state_map::{Id, wire::key::Key};

use super::Settings;
use super::class::{Class, Weight};
use super::maps::Maps;
use super::persist::Persistence;
use super::report::{Sample, SideReport};
use super::settle::Settled;
use super::stored::Stored;
use crate::text::excerpt;

/// The worst first.
pub fn samples(maps: &Maps, persistence: &Persistence<'_>, settings: &Settings) -> Vec<Sample> {
    let keys = persistence
        .keys
        .ended()
        .iter()
        .map(|(key, ended)| differing(maps, key, *ended, persistence, settings));
    let rules = persistence.rules.ended().iter().map(|((rule, key), ended)| {
        let finding = persistence.findings.get(&(*rule, key.clone()));
        let detail = finding.map(|finding| finding.words().to_owned());
        Sample { detail, ..sample(maps, key, *ended) }
    });
    let mut all: Vec<Sample> =
        keys.chain(rules).filter(|sample| sample.class.weight() != Weight::Told).collect();
    all.sort_by(|a, b| b.class.weight().cmp(&a.class.weight()).then_with(|| a.key.cmp(&b.key)));
    all.truncate(settings.samples);
    all
}

fn differing(
    maps: &Maps,
    key: &Key,
    ended: Settled,
    persistence: &Persistence<'_>,
    settings: &Settings,
) -> Sample {
    let sides = persistence.seen.get(key);
    let memory = sides.and_then(|sides| sides.memory.first());
    let redis = sides.map(|sides| &sides.redis);
    Sample {
        memory: memory.map(|(owner, entry)| in_memory(*owner, entry)),
        redis: redis.and_then(|stored| in_redis(stored, settings.show_values)),
        ..sample(maps, key, ended)
    }
}

fn sample(maps: &Maps, key: &Key, Settled { class, unchanged_for }: Settled) -> Sample {
    let map = maps.of(key).and_then(|number| maps.get(number));
    Sample {
        key: key.value().to_owned(),
        map: map.map_or_else(String::new, |map| map.name.clone()),
        class,
        unchanged_for_ms: u64::try_from(unchanged_for.as_millis()).unwrap_or(u64::MAX),
        detail: detail(class),
        memory: None,
        redis: None,
    }
}

fn detail(class: Class) -> Option<String> {
    let words = match class {
        Class::Unrecorded => {
            "a value that no record of this run speaks of: written past the protocol, or left over"
        }
        Class::Vanished => "its record says that it is there: evicted, or deleted past the protocol",
        _ => return None,
    };
    Some(words.to_owned())
}

fn in_memory(owner: Id, entry: &Entry) -> SideReport {
    SideReport {
        owner: owner.to_string(),
        seq: entry.seq,
        op: entry.op.to_string(),
        expires_ms: entry.expires_ms,
        value_hash: entry.value.map(|value| value.to_string()),
        value: None,
    }
}

fn in_redis(stored: &Stored, show: bool) -> Option<SideReport> {
    let value = stored.bytes().filter(|_| show).map(|bytes| excerpt(&String::from_utf8_lossy(bytes)));
    let value_hash = stored.value_print().map(|print| print.to_string());
    if stored.record.is_none() && value_hash.is_none() {
        return None;
    }
    let record = stored.record.clone().unwrap_or_default();
    Some(SideReport {
        owner: record.owner.to_string(),
        seq: record.seq,
        op: record.op.to_string(),
        expires_ms: record.expires_ms,
        value_hash,
        value,
    })
}
