//! What a map is: its name, its keys, how its values are written, and what is done when two instances had one.

use std::fmt::Display;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::call::Bytes;

/// Decides between a value that this process held before the migration (first) and the one that Redis or the
/// owner has. `None` leaves it to the operator.
pub type Merge<V> = Arc<dyn Fn(&V, &V) -> Option<V> + Send + Sync>;

/// Who gets a key that another living instance owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Takeover {
    /// Nobody, until the owner has given it back: nothing is lost.
    #[default]
    Released,
    /// Whoever writes last. For presence: a hung owner must not keep a user offline, and the next heartbeat heals a
    /// wrong winner. What the old owner had not written is lost, and a change that meets a new owner is made once
    /// more on what that one has. Reads take a key from nobody: they see what is in Redis.
    LastWins,
}

/// A value in bytes. The same value must always give the same bytes.
pub trait Codec<V>: Send + Sync + 'static {
    /// To bytes, or why the value has none: then it is refused before anything is done.
    fn encode(&self, value: &V) -> Result<Bytes, String>;
    /// From bytes, or what is wrong with them.
    fn decode(&self, bytes: &[u8]) -> Result<V, String>;
}

/// Values as JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl<V: Serialize + DeserializeOwned> Codec<V> for Json {
    fn encode(&self, value: &V) -> Result<Bytes, String> {
        serde_json::to_vec(value).map(Bytes::from).map_err(|failure| failure.to_string())
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, String> {
        serde_json::from_slice(bytes).map_err(|failure| failure.to_string())
    }
}

/// Values that are their own text: identifiers, say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text;

impl<V: Display + std::str::FromStr<Err: Display>> Codec<V> for Text {
    fn encode(&self, value: &V) -> Result<Bytes, String> {
        Ok(value.to_string().into_bytes().into())
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, String> {
        let text = std::str::from_utf8(bytes).map_err(|failure| failure.to_string())?;
        text.parse().map_err(|failure: V::Err| failure.to_string())
    }
}

/// A map's description.
pub struct MapSpec<V> {
    /// Its name, in reports.
    pub name: &'static str,
    /// Start of its keys in Redis, the colon included.
    pub prefix: &'static str,
    /// How values are written.
    pub codec: Arc<dyn Codec<V>>,
    /// What is done when two instances held a key.
    pub merge: Option<Merge<V>>,
    /// Who gets an owned key.
    pub takeover: Takeover,
}

impl<V> MapSpec<V> {
    /// A map whose values are written as this codec does, without a merge hook.
    pub fn new(name: &'static str, prefix: &'static str, codec: impl Codec<V>) -> Self {
        Self { name, prefix, codec: Arc::new(codec), merge: None, takeover: Takeover::Released }
    }

    /// With a merge hook.
    pub fn merging(mut self, merge: impl Fn(&V, &V) -> Option<V> + Send + Sync + 'static) -> Self {
        self.merge = Some(Arc::new(merge));
        self
    }

    /// With another rule for keys that are owned.
    pub fn takeover(mut self, takeover: Takeover) -> Self {
        self.takeover = takeover;
        self
    }
}
