//! How this process stands in a migration of its state.

use metrics::{KeyName, Recorder};
use state_map::Status;
use state_map::control::Counts;

use super::{METADATA, Telemetry, labelled, named};

/// What a number in [`Counts`] is called.
type Kind = (&'static str, fn(&Counts) -> u64);

const KEYS: [Kind; 5] = [
    ("held", |counts| counts.held),
    ("owned", |counts| counts.owned),
    ("stored", |counts| counts.stored),
    ("owed", |counts| counts.owed),
    ("unclaimed", |counts| counts.unclaimed),
];

/// Name, meaning and number.
type Total = (&'static str, &'static str, fn(&Counts) -> u64);

const TOTALS: [Total; 4] = [
    ("state_writes_total", "Writes of state that Redis has accepted.", |counts| counts.writes),
    ("state_bytes_total", "Bytes of state written to Redis.", |counts| counts.bytes),
    (
        "state_superseded_total",
        "Writes refused because this process does not own the key any more.",
        |counts| counts.superseded,
    ),
    (
        "state_differences_total",
        "Sampled compares in which memory and Redis differed to the end.",
        |counts| counts.differences,
    ),
];

impl Telemetry {
    /// Where this process is in the migration, and what it counts.
    pub(super) fn state(&self, status: &Status) {
        self.help("state_phase", "Phase of the migration that requests are served in: 0 off, 1 dual, 2 backfill, 3 shadow, 4 read-new, 5 strict, 6 primary-new, 7 stop-old, 8 done.");
        self.set("state_phase", status.phase as usize);
        self.help("state_epoch", "Change of the control record that this process has acknowledged.");
        self.set("state_epoch", usize::try_from(status.acknowledged.epoch).unwrap_or(usize::MAX));
        self.help("state_keys", "Keys by map: held in memory, owned, stored in Redis in their newest version, owed to Redis, held since before the migration and not claimed yet.");
        for (map, counts) in &status.maps {
            for (kind, of) in KEYS {
                let key = labelled("state_keys", [("map", map), ("kind", kind)]);
                self.recorder.register_gauge(&key, &METADATA).set(of(counts) as f64);
            }
        }
        let sum = |of: fn(&Counts) -> u64| status.maps.values().map(of).sum::<u64>();
        self.help("state_conflicts", "Keys with two values, of which an operator has to decide.");
        self.set("state_conflicts", usize::try_from(sum(|counts| counts.conflicts)).unwrap_or(usize::MAX));
        for (name, help, of) in TOTALS {
            self.total(name, help, sum(of));
        }
        self.total(
            "state_unavailable_total",
            "Requests refused because Redis or a key's owner did not answer.",
            status.unavailable,
        );
    }

    fn total(&self, name: &'static str, help: &'static str, value: u64) {
        self.recorder.describe_counter(KeyName::from_const_str(name), None, help.into());
        self.recorder.register_counter(&named(name), &METADATA).absolute(value);
    }

    fn help(&self, name: &'static str, help: &'static str) {
        self.recorder.describe_gauge(KeyName::from_const_str(name), None, help.into());
    }
}
