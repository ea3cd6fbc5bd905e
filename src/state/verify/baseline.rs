//! What an earlier verification saw of a sample of keys, in a file: what a later one must still find, when no
//! memory is an authority any more. Keys stand in it as hashes.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use state_map::Id;
use state_map::verify::digest::place;
use state_map::wire::key::Key;

use super::stored::Stored;
use crate::state::StateError;

/// Keys in a sample at most.
const MOST: usize = 10_000;
/// Name and version of the file's layout.
const SCHEMA: &str = "scalectl.state.baseline/1";

/// A sample of verified keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Baseline {
    schema: String,
    /// The run.
    pub run: Id,
    /// When it was taken, on Redis' clock.
    pub taken_at_ms: u64,
    /// By place of the key, the fingerprint and sequence that were seen.
    keys: BTreeMap<String, Seen>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    seq: u64,
    print: Id,
}

/// A sample in the making: the keys with the lowest places, which is a random choice that any scan can repeat.
#[derive(Debug, Default)]
pub struct Sampling(BTreeMap<u64, Seen>);

impl Sampling {
    /// Takes a key in that was found well.
    pub fn take(&mut self, key: &Key, stored: &Stored, run: Id) {
        let Some(record) = stored.of_run(run) else { return };
        if record.deleted || record.expires_ms != 0 {
            return;
        }
        let print = Id(stored.fingerprint(key, record).0);
        self.0.insert(place(key.value()), Seen { seq: record.seq, print });
        if self.0.len() > MOST {
            self.0.pop_last();
        }
    }

    /// The sample without keys that turned out to differ.
    pub fn finish(mut self, run: Id, taken_at_ms: u64, but: &[Key]) -> Baseline {
        for key in but {
            self.0.remove(&place(key.value()));
        }
        let keys = self.0.into_iter().map(|(place, seen)| (format!("{place:016x}"), seen)).collect();
        Baseline { schema: SCHEMA.to_owned(), run, taken_at_ms, keys }
    }
}

/// How a sample was found again.
#[derive(Debug)]
pub struct Check<'a> {
    baseline: &'a Baseline,
    found: HashSet<u64>,
    /// Keys that went back, or changed under one sequence.
    pub lost: Vec<Key>,
}

impl<'a> Check<'a> {
    /// Nothing found yet.
    pub fn new(baseline: &'a Baseline) -> Self {
        Self { baseline, found: HashSet::new(), lost: Vec::new() }
    }

    /// Takes a key in.
    pub fn take(&mut self, key: &Key, stored: &Stored) {
        let place = place(key.value());
        let Some(seen) = self.baseline.keys.get(&format!("{place:016x}")) else { return };
        let Some(record) = stored.of_run(self.baseline.run) else { return };
        self.found.insert(place);
        let is_same = record.seq == seen.seq && Id(stored.fingerprint(key, record).0) == seen.print;
        if record.seq <= seen.seq && !is_same {
            self.lost.push(key.clone());
        }
    }

    /// Places of keys that were not found at all.
    pub fn absent(&self) -> Vec<&str> {
        let is_absent =
            |name: &&str| u64::from_str_radix(name, 16).is_ok_and(|place| !self.found.contains(&place));
        self.baseline.keys.keys().map(String::as_str).filter(is_absent).collect()
    }

    /// Keys in the sample.
    pub fn total(&self) -> u64 {
        self.baseline.keys.len() as u64
    }
}

impl Baseline {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, StateError> {
        let wrong = |source| StateError::File { what: format!("the baseline {}", path.display()), source };
        let text = std::fs::read(path).map_err(wrong)?;
        let baseline: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.into()))?;
        if baseline.schema != SCHEMA {
            return Err(wrong(std::io::Error::other(format!(
                "expected {SCHEMA}, found {}",
                baseline.schema
            ))));
        }
        Ok(baseline)
    }

    /// Writes a file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        let wrong = |source| StateError::File { what: format!("the baseline {}", path.display()), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(wrong)?;
        serde_json::to_writer(&mut file, self).map_err(|error| wrong(error.into()))?;
        file.persist(path).map_err(|error| wrong(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::verify::stored::{Content, Sidecar};

    fn stored(seq: u64, value: &str) -> Stored {
        let record = Sidecar { run: Id(1), seq, op: Id(seq.into()), ..Sidecar::default() };
        Stored { record: Some(record), value: Content::Present(value.into()), expires_ms: 0 }
    }

    #[test]
    fn a_key_may_go_on_and_must_not_go_back() {
        let keys = ["same", "newer", "older", "changed", "gone"].map(|id| Key::new("m:", id));
        let mut sampling = Sampling::default();
        keys.iter().for_each(|key| sampling.take(key, &stored(5, "v"), Id(1)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        sampling.finish(Id(1), 0, &[]).save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("same"), "no key stands in the file: {text}");
        let baseline = Baseline::load(&path).unwrap();
        let mut check = Check::new(&baseline);
        for (key, now) in keys.iter().zip([stored(5, "v"), stored(6, "w"), stored(4, "u"), stored(5, "x")]) {
            check.take(key, &now);
        }
        assert_eq!(check.lost, [keys[2].clone(), keys[3].clone()]);
        assert_eq!(check.absent(), [format!("{:016x}", place(keys[4].value()))]);
    }
}
