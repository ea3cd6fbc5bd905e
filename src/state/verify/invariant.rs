//! Invariants across keys: what one map's values say of another map's keys.
//!
//! `activeChessGames.value -> chessGameStates.key naming /white/id,/black/id`: each value of the first map is the
//! id of a key in the second, whose JSON names the first key's id at one of those places.

use std::collections::HashMap;
use std::str::FromStr;

use serde_json::Value;
use state_map::verify::digest::place;
use state_map::wire::key::Key;

use super::maps::{MapName, Maps};
use super::stored::Stored;

/// What holds between the maps of the chess games: an active game exists, and names the player.
pub const CHESS: &str = "activeChessGames.value -> chessGameStates.key naming /white/id,/black/id";

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    text: String,
    from: String,
    /// Where in the value the id stands; empty: it is the whole value.
    at: String,
    to: String,
    /// Where in the other value the first key's id must stand, at one of them; none: it need not.
    naming: Vec<String>,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (left, right) = text.split_once("->")?;
            let (from, at) = left.trim().split_once(".value")?;
            let (to, rest) = right.trim().split_once(".key")?;
            let naming: Vec<String> = match rest.trim().strip_prefix("naming ") {
                Some(places) => places.split(',').map(|place| place.trim().to_owned()).collect(),
                None if rest.trim().is_empty() => Vec::new(),
                None => return None,
            };
            let is_pointer = |text: &str| text.starts_with('/');
            let fits = (at.is_empty() || is_pointer(at)) && naming.iter().all(|place| is_pointer(place));
            let (from, at, to) = (from.to_owned(), at.to_owned(), to.to_owned());
            let named = !from.is_empty() && !to.is_empty();
            (fits && named).then(|| Self { text: text.trim().to_owned(), from, at, to, naming })
        };
        parsed().ok_or_else(|| {
            format!(
                "expected FROM.value[/json/pointer] -> TO.key [naming /pointer,/pointer], such as `{CHESS}`"
            )
        })
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A rule between maps that are there.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The rule.
    pub rule: Rule,
    from: (u32, String),
    to: (u32, String),
}

/// What a rule says of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It holds, or does not apply.
    Holds,
    /// The value names nothing.
    Nameless,
    /// What it names is not there.
    Absent,
    /// What it names does not name it.
    Unnamed,
}

impl Finding {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Nameless => "the value names no key",
            Self::Absent => "the key that it names is not there",
            Self::Unnamed => "the key that it names does not name it",
        }
    }
}

impl Bound {
    /// The rule, where both of its maps are there.
    pub fn new(rule: &Rule, maps: &Maps) -> Option<Self> {
        let find = |name: &str| {
            let is_meant = |map: &&MapName| map.name == name || map.prefix.trim_end_matches(':') == name;
            let prefix = maps.iter().find(is_meant)?.prefix.clone();
            Some((maps.number_of(&prefix)?, prefix))
        };
        Some(Self { from: find(&rule.from)?, to: find(&rule.to)?, rule: rule.clone() })
    }

    /// The id of the key that a value names.
    fn named(&self, bytes: &[u8]) -> Option<String> {
        let json = serde_json::from_slice::<Value>(bytes).ok();
        match &*self.rule.at {
            "" => match json.as_ref().and_then(scalar) {
                Some(text) => Some(text),
                None => std::str::from_utf8(bytes).ok().map(str::to_owned),
            },
            at => scalar(json?.pointer(at)?),
        }
    }

    /// The ids that a value names where the rule looks.
    fn names(&self, bytes: &[u8]) -> Vec<String> {
        if self.rule.naming.is_empty() {
            return Vec::new();
        }
        let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return Vec::new() };
        self.rule.naming.iter().filter_map(|at| scalar(json.pointer(at)?)).collect()
    }

    /// The key that a value names.
    pub fn target(&self, stored: &Stored) -> Option<Key> {
        Some(Key::new(&self.to.1, &self.named(stored.bytes()?)?))
    }

    /// What the rule says of a key, all of it read.
    pub fn judge(&self, key: &Key, stored: &Stored, target: Option<&Stored>) -> Finding {
        if stored.bytes().is_none() {
            return Finding::Holds;
        }
        let Some(bytes) = target.map(Stored::bytes) else { return Finding::Nameless };
        let (Some(bytes), Some(id)) = (bytes, key.id(&self.from.1)) else { return Finding::Absent };
        let is_named = self.rule.naming.is_empty() || self.names(bytes).contains(&id);
        if is_named { Finding::Holds } else { Finding::Unnamed }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a scan showed of both ends of a rule. Ids are kept as their places: 64 bits each.
#[derive(Debug)]
pub struct Ends {
    bound: Bound,
    links: Vec<(Key, Option<u64>)>,
    targets: HashMap<u64, Vec<u64>>,
}

impl Ends {
    /// Nothing yet.
    pub fn new(bound: Bound) -> Self {
        Self { bound, links: Vec::new(), targets: HashMap::new() }
    }

    /// The rule.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Takes a key in.
    pub fn take(&mut self, map: u32, key: &Key, stored: &Stored) {
        let Some(bytes) = stored.bytes() else { return };
        if map == self.bound.from.0 {
            let target = self.bound.target(stored).map(|target| place(target.value()));
            self.links.push((key.clone(), target));
        }
        if map == self.bound.to.0 {
            let names = self.bound.names(bytes).iter().map(|id| place(id)).collect();
            self.targets.insert(place(key.value()), names);
        }
    }

    /// How many keys the rule speaks of.
    pub fn checked(&self) -> u64 {
        self.links.len() as u64
    }

    /// The keys of which it does not seem to hold: they are looked at again, as the scan took its time.
    pub fn suspicious(&self) -> Vec<Key> {
        let holds = |key: &Key, target: Option<u64>| {
            let names = self.targets.get(&target?)?;
            let id = key.id(&self.bound.from.1)?;
            (self.bound.rule.naming.is_empty() || names.contains(&place(&id))).then_some(())
        };
        let broken = self.links.iter().filter(|(key, target)| holds(key, *target).is_none());
        broken.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::verify::stored::Content;

    fn maps() -> Maps {
        let map = |name: &str, prefix: &str| MapName { name: name.into(), prefix: prefix.into() };
        Maps::new(
            &[map("activeChessGames", "activeChessGame:"), map("chessGameStates", "chessGameState:")],
            &[],
        )
    }

    fn value(text: &str) -> Stored {
        Stored { value: Content::Present(text.as_bytes().to_vec()), ..Stored::default() }
    }

    fn chess() -> Bound {
        Bound::new(&CHESS.parse().unwrap(), &maps()).unwrap()
    }

    #[test]
    fn rules_are_read_or_refused() {
        let rule: Rule = "a.value/room/id -> b.key".parse().unwrap();
        assert_eq!((rule.at.as_str(), rule.to.as_str(), rule.naming.len()), ("/room/id", "b", 0));
        for wrong in [
            "",
            "a -> b",
            "a.value -> b.key with /x",
            ".value -> b.key",
            "a.valuex -> b.key",
            "a.value -> b.key naming x",
        ] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
        let by_prefix: Rule = "activeChessGame.value -> chessGameState.key".parse().unwrap();
        assert!(Bound::new(&by_prefix, &maps()).is_some());
        assert!(Bound::new(&"a.value -> b.key".parse().unwrap(), &maps()).is_none());
    }

    #[test]
    fn a_game_must_be_there_and_name_its_player() {
        let rule = chess();
        let key = Key::new("activeChessGame:", "ada");
        let game = r#"{"white":{"id":"ada"},"black":{"id":"bob"}}"#;
        let other = r#"{"white":{"id":"eve"},"black":null}"#;
        for (link, target, expected) in [
            (value("7"), Some(value(game)), Finding::Holds),
            (value("\"7\""), Some(value(game)), Finding::Holds),
            (value("7"), Some(value(other)), Finding::Unnamed),
            (value("7"), Some(Stored::default()), Finding::Absent),
            (Stored::default(), None, Finding::Holds),
            (value("7"), None, Finding::Nameless),
        ] {
            assert_eq!(rule.judge(&key, &link, target.as_ref()), expected, "{link:?}");
        }
        assert_eq!(rule.target(&value("\"7\"")).unwrap().value(), "chessGameState:7");
    }

    #[test]
    fn a_scan_names_what_is_suspicious_in_any_order() {
        let mut ends = Ends::new(chess());
        let maps = maps();
        let mut take = |prefix: &str, id: &str, text: &str| {
            let key = Key::new(prefix, id);
            ends.take(maps.of(&key).unwrap(), &key, &value(text));
        };
        take("activeChessGame:", "ada", "7");
        take("activeChessGame:", "eve", "7");
        take("chessGameState:", "7", r#"{"white":{"id":"ada"}}"#);
        take("activeChessGame:", "bob", "8");
        let suspicious: Vec<_> = ends.suspicious().iter().map(|key| key.value().to_owned()).collect();
        assert_eq!(suspicious, ["activeChessGame:eve", "activeChessGame:bob"]);
        assert_eq!(ends.checked(), 3);
    }
}
