//! The maps whose keys are compared: told by the instances, or named by the operator.

use std::sync::Arc;

use state_map::verify::Told;
use state_map::wire::key::Key;

/// One map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapName {
    /// Its name in reports.
    pub name: String,
    /// Start of its keys in Redis.
    pub prefix: String,
}

impl std::str::FromStr for MapName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, prefix)) if !name.is_empty() && !prefix.is_empty() => {
                Ok(Self { name: name.to_owned(), prefix: prefix.to_owned() })
            }
            _ => Err("expected NAME=PREFIX, such as chessGameStates=chessGameState:".to_owned()),
        }
    }
}

/// All maps. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Maps(Arc<[MapName]>);

impl Maps {
    /// The maps that the operator names, and those that the instances tell of.
    pub fn new(named: &[MapName], told: &[Told]) -> Self {
        let mut maps = named.to_vec();
        for map in told.iter().flat_map(|told| &told.maps) {
            if !maps.iter().any(|known| known.prefix == map.prefix) {
                maps.push(MapName { name: map.name.clone(), prefix: map.prefix.clone() });
            }
        }
        maps.sort_by(|a, b| a.prefix.cmp(&b.prefix));
        Self(maps.into())
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &MapName> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of the map that a key belongs to: of several, the one with the longest prefix.
    pub fn of(&self, key: &Key) -> Option<u32> {
        let fitting = self.iter().enumerate().filter(|(_, map)| key.value().starts_with(&map.prefix));
        let longest = fitting.max_by_key(|(_, map)| map.prefix.len());
        longest.and_then(|(number, _)| u32::try_from(number).ok())
    }

    /// The map of a number.
    pub fn get(&self, number: u32) -> Option<&MapName> {
        self.0.get(number as usize)
    }

    /// The number of the map with this prefix.
    pub fn number_of(&self, prefix: &str) -> Option<u32> {
        let number = self.iter().position(|map| map.prefix == prefix)?;
        u32::try_from(number).ok()
    }
}
