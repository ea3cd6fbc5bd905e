//! Calls of the protocol as they are seen on the wire.

use redis::Script;
use state_map::wire::key::Key;
use state_map::wire::script;

/// Puts of a key: an owner's writes, repairs and backfills.
pub fn puts(key: &Key) -> impl Fn(&[String]) -> bool + Send + 'static {
    calls(&script::PUT, Some(key))
}

/// Writes of a key in `primary-new` and later.
pub fn writes(key: &Key) -> impl Fn(&[String]) -> bool + Send + 'static {
    calls(&script::WRITE, Some(key))
}

/// Changes of the control record.
pub fn steers() -> impl Fn(&[String]) -> bool + Send + 'static {
    calls(&script::STEER, None)
}

/// Heartbeats and registrations.
pub fn beats() -> impl Fn(&[String]) -> bool + Send + 'static {
    calls(&script::BEAT, None)
}

fn calls(script: &script::Script, key: Option<&Key>) -> impl Fn(&[String]) -> bool + Send + 'static {
    let hash = Script::new(script.text).get_hash().to_owned();
    let key = key.map(|key| key.value().to_owned());
    move |words| words.contains(&hash) && key.as_ref().is_none_or(|key| words.contains(key))
}
