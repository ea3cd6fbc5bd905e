//! What a verifier sees of an instance: who it is, and all that its maps hold.

use std::sync::Arc;

use crate::control::{Id, Stamp};
use crate::phase::Phase;
use crate::wire::call::Version;
use crate::wire::key::Key;

/// What a map has of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The newest version that memory has.
    pub version: Version,
    /// Whether Redis has yet to be told of it.
    pub owed: bool,
    /// The generation under which this instance owns the key; 0 for one that it holds and has not claimed.
    pub generation: u64,
    /// Whether this instance wrote that version itself, rather than having read it when it claimed the key.
    pub written_here: bool,
}

/// All that one map holds and answers for. Cached copies of keys that others own are not among it.
pub trait Holdings: Send + Sync {
    /// Name of the map.
    fn map_name(&self) -> &'static str;

    /// Start of its keys in Redis.
    fn prefix(&self) -> &str;

    /// Shows up to so many keys from this place on, and tells the next place; none at the end. A key that moves
    /// meanwhile may be passed over: a verifier looks again at what seems to be missing.
    fn show(&self, from: usize, most: usize, visit: &mut dyn FnMut(&Key, Holding)) -> Option<usize>;

    /// What it has of this key.
    fn find(&self, key: &Key) -> Option<Holding>;
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Name of the instance.
    pub name: String,
    /// Its incarnation.
    pub incarnation: Id,
    /// The run that it takes part in.
    pub run: Id,
    /// The change of the control record that it has acknowledged.
    pub acknowledged: Stamp,
    /// The phase that it serves requests in.
    pub serving: Phase,
    /// The epoch at which it last dropped all memory and ownership (C11); 0: never. A key that it claimed before is
    /// claimed again when it is used.
    pub dropped_epoch: u64,
}

/// An instance, as a verifier sees it.
pub trait Source: Send + Sync {
    /// Who it is at this moment.
    fn who(&self) -> Who;

    /// Its maps.
    fn holdings(&self) -> Vec<Arc<dyn Holdings>>;
}
