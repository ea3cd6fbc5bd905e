//! Names of keys. All keys of one record share a slot, so that a script may use them together in a Cluster.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Slots of a Cluster.
pub const SLOTS: u16 = 16_384;

/// For each slot the smallest number whose decimal text hashes to it.
static TAGS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut tags = vec![None; SLOTS as usize];
    let mut missing = tags.len();
    for tag in 0_u32.. {
        let place = &mut tags[slot(tag.to_string().as_bytes()) as usize];
        if place.is_none() {
            *place = Some(tag);
            missing -= 1;
            if missing == 0 {
                break;
            }
        }
    }
    tags.into_iter().flatten().collect()
});

/// A key of the application: the name of its value in Redis. It holds no brace, so that `{key}:m` lies in its slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(std::sync::Arc<str>);

impl Key {
    /// The name of the value of `id` in the map with this prefix. Braces and percent signs of the id are escaped.
    pub fn new(prefix: &str, id: &str) -> Self {
        if !id.contains(['{', '}', '%']) {
            return Self([prefix, id].concat().into());
        }
        let mut key = String::with_capacity(prefix.len() + id.len() + 6);
        key.push_str(prefix);
        for c in id.chars() {
            match c {
                '{' => key.push_str("%7B"),
                '}' => key.push_str("%7D"),
                '%' => key.push_str("%25"),
                other => key.push(other),
            }
        }
        Self(key.into())
    }

    /// The id that [`Self::new`] was given, if the key is one of the map with this prefix.
    pub fn id(&self, prefix: &str) -> Option<String> {
        let id = self.0.strip_prefix(prefix)?;
        Some(id.replace("%7B", "{").replace("%7D", "}").replace("%25", "%"))
    }

    /// A key as it stands in Redis.
    pub fn from_name(name: &str) -> Self {
        Self(name.into())
    }

    /// Name of the value.
    pub fn value(&self) -> &str {
        &self.0
    }

    /// Name of the sidecar.
    pub fn sidecar(&self) -> String {
        format!("{{{}}}:m", self.0)
    }

    /// The key whose sidecar has this name.
    pub fn of_sidecar(name: &str) -> Option<Self> {
        Some(Self(name.strip_prefix('{')?.strip_suffix("}:m")?.into()))
    }

    /// Its slot in a Cluster.
    pub fn slot(&self) -> u16 {
        slot(self.0.as_bytes())
    }

    /// Name of the fence of its slot.
    pub fn fence(&self) -> String {
        fence(self.slot())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of the fence of a slot: the least epoch of a call that may create a record there.
pub fn fence(slot: u16) -> String {
    in_slot(slot, "f")
}

/// Name of a mark in a slot: written so that a wait for the replicas has something to wait for. It expires at once.
pub fn mark(slot: u16) -> String {
    in_slot(slot, "b")
}

fn in_slot(slot: u16, suffix: &str) -> String {
    let tag = TAGS.get(slot as usize).copied().unwrap_or_default();
    format!("{{{tag}}}:{suffix}")
}

/// The slot of a key that holds no braces.
fn slot(key: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(key) % SLOTS
}

/// Keys that steer a migration: all in one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space(std::sync::Arc<str>);

impl Space {
    /// The default name.
    pub const DEFAULT: &'static str = "stateMigration";

    /// Keys under this name. Braces would move them to other slots, so they are left out.
    pub fn new(name: &str) -> Self {
        Self(name.replace(['{', '}'], "").into())
    }

    fn key(&self, suffix: &str) -> String {
        format!("{{{}}}:{suffix}", self.0)
    }

    /// The slot of all these keys.
    pub fn slot(&self) -> u16 {
        slot(self.0.as_bytes())
    }

    /// The control record: a hash.
    pub fn control(&self) -> String {
        self.key("control")
    }

    /// Instances: a hash from name to [`Member`](crate::control::Member) as JSON.
    pub fn members(&self) -> String {
        self.key("members")
    }

    /// Dead incarnations: a hash from incarnation to [`Evicted`](crate::control::Evicted) as JSON.
    pub fn dead(&self) -> String {
        self.key("dead")
    }

    /// Keys with two values: a hash from key to [`Conflict`](crate::wire::message::Conflict) as JSON.
    pub fn conflicts(&self) -> String {
        self.key("conflicts")
    }

    /// What the verifier asks of the instances: a hash, see `docs/state-protocol.md`.
    pub fn inquiry(&self) -> String {
        self.key("inquiry")
    }

    /// Answers of the instances to one inquiry.
    pub fn answers(&self, inquiry: &str) -> String {
        self.key(&format!("answers:{inquiry}"))
    }

    /// The operator's lock.
    pub fn lock(&self) -> String {
        self.key("lock")
    }

    /// Counts the holders of the lock: the fencing token.
    pub fn fencing(&self) -> String {
        self.key("fencing")
    }

    /// The journal: a stream.
    pub fn journal(&self) -> String {
        self.key("journal")
    }

    /// Channel that tells of a new control record.
    pub fn steering(&self) -> String {
        format!("{}:control", self.0)
    }

    /// Channel of one incarnation.
    pub fn inbox(&self, incarnation: crate::control::Id) -> String {
        format!("{}:inbox:{incarnation}", self.0)
    }

    /// Start of the names of all inboxes.
    pub fn inboxes(&self) -> String {
        format!("{}:inbox:", self.0)
    }
}

impl Default for Space {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slot as Redis sees it: of what stands between the first brace and the next, if anything does.
    fn seen(name: &str) -> u16 {
        let tag = name.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
        slot(tag.filter(|tag| !tag.is_empty()).unwrap_or(name).as_bytes())
    }

    #[test]
    fn all_keys_of_a_record_share_a_slot() {
        for id in ["7", "a}b", "{a}b", "{}", "100%", "%7B", "ü"] {
            let key = Key::new("chessGameState:", id);
            assert_eq!(key.id("chessGameState:").as_deref(), Some(id));
            assert_eq!(seen(key.value()), key.slot(), "{key}");
            assert_eq!(seen(&key.sidecar()), key.slot(), "{key}");
            assert_eq!(seen(&key.fence()), key.slot(), "{key}");
            assert_eq!(Key::of_sidecar(&key.sidecar()), Some(key));
        }
        assert_eq!(Key::new("p:", "{a}b").value(), "p:%7Ba%7Db");
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
        for number in [0, 1, 8_191, SLOTS - 1] {
            assert_eq!(seen(&fence(number)), number);
        }
    }

    #[test]
    fn what_steers_lies_in_one_slot() {
        let space = Space::new("my{app}");
        let names = [space.control(), space.members(), space.dead(), space.lock(), space.journal()];
        assert!(names.iter().all(|name| seen(name) == seen("myapp")), "{names:?}");
    }
}
