//! The scenarios that come with the program.

use schemars::JsonSchema;
use serde::Serialize;

/// A scenario that comes with the program.
#[derive(Debug)]
pub struct Shipped {
    /// Its name: that of its file.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// All of them.
pub const SHIPPED: [Shipped; 5] = [
    Shipped { name: "chat", text: include_str!("../../scenarios/chat.yaml") },
    Shipped { name: "chess", text: include_str!("../../scenarios/chess.yaml") },
    Shipped { name: "feed", text: include_str!("../../scenarios/feed.yaml") },
    Shipped { name: "hold", text: include_str!("../../scenarios/hold.yaml") },
    Shipped { name: "rollout", text: include_str!("../../scenarios/rollout.yaml") },
];

/// What is shipped.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listing {
    /// Version of this layout.
    pub schema: &'static str,
    /// The scenarios.
    pub scenarios: Vec<Entry>,
}

/// One scenario.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What its users do.
    pub what: String,
}

/// Names and what they do: the comment that each file begins with.
pub fn listing() -> Listing {
    let entry = |scenario: &Shipped| Entry { name: scenario.name, what: heading(scenario.text) };
    Listing { schema: "scalectl.loadtest.list/1", scenarios: SHIPPED.iter().map(entry).collect() }
}

fn heading(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{SHIPPED, listing};

    #[test]
    fn every_file_is_named_and_says_what_it_does() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
        let names: BTreeSet<String> = SHIPPED.iter().map(|scenario| scenario.name.to_owned()).collect();
        assert_eq!(files.collect::<BTreeSet<_>>(), names);
        assert!(listing().scenarios.iter().all(|entry| entry.what.len() > 20));
    }
}
