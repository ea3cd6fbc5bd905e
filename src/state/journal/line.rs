//! An entry with what seals it: its number, who wrote it, and the checksum of the entry before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state_map::operator::Entry;

use crate::digest;
use crate::owner::Owner;

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// When, in RFC 3339.
    pub at: String,
    /// Who.
    pub owner: Owner,
    /// The token of the lock under which it was written.
    pub token: u64,
    /// What happened.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub entry: Entry,
    /// The checksum of the entry before; empty in the first.
    pub previous: String,
    /// SHA-256 over all of the above, in hexadecimal.
    pub checksum: String,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flaw {
    /// The entry.
    pub number: u64,
    /// What is wrong with it.
    pub what: String,
}

impl Line {
    /// The same with its checksum.
    pub fn sealed(mut self) -> Self {
        self.checksum = self.compute_checksum();
        self
    }

    fn compute_checksum(&self) -> String {
        let unsealed = Self { checksum: String::new(), ..self.clone() };
        digest::sha256(&serde_json::to_vec(&unsealed).unwrap_or_default())
    }

    /// As it is written: one line of JSON.
    pub fn text(&self) -> String {
        // Entries are plain values: they cannot fail to become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Entries that are missing, or are not as they were written.
pub fn flaws(lines: &[Line]) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let (mut number, mut previous) = (1, String::new());
    for line in lines {
        if line.number != number {
            flaws.push(Flaw { number, what: "is missing".to_owned() });
        } else if line.previous != previous {
            flaws.push(Flaw { number, what: "does not fit the entry before it".to_owned() });
        }
        if line.checksum != line.compute_checksum() {
            flaws.push(Flaw { number: line.number, what: "was changed".to_owned() });
        }
        (number, previous) = (line.number + 1, line.checksum.clone());
    }
    flaws
}

#[cfg(test)]
pub mod tests {
    use state_map::Stamp;

    use super::*;

    pub fn chain(length: u64) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for number in 1..=length {
            let previous = lines.last().map_or_else(String::new, |line| line.checksum.clone());
            let entry = Entry::Done { stamp: Stamp { epoch: number, ..Stamp::default() }, kept: true };
            let owner = Owner::this_process();
            let (at, checksum) = (String::new(), String::new());
            lines.push(Line { number, at, owner, token: 1, entry, previous, checksum }.sealed());
        }
        lines
    }

    fn found(lines: &[Line]) -> Vec<String> {
        flaws(lines).iter().map(|flaw| format!("{} {}", flaw.number, flaw.what)).collect()
    }

    #[test]
    fn a_whole_chain_has_no_flaws_and_survives_its_text() {
        let lines = chain(4);
        assert_eq!(found(&lines), [""; 0]);
        let read: Vec<Line> = lines.iter().map(|line| serde_json::from_str(&line.text()).unwrap()).collect();
        assert_eq!(read, lines);
        assert_eq!(found(&read), [""; 0]);
    }

    #[test]
    fn changed_missing_and_replaced_entries_show() {
        let mut changed = chain(3);
        changed[1].token = 2;
        assert_eq!(found(&changed), ["2 was changed"]);
        let mut missing = chain(3);
        missing.remove(1);
        assert_eq!(found(&missing), ["2 is missing"]);
        let mut replaced = chain(3);
        replaced[1].token = 2;
        replaced[1] = replaced[1].clone().sealed();
        assert_eq!(found(&replaced), ["3 does not fit the entry before it"]);
    }
}
