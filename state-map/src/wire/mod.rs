//! What goes over the wire: names of keys, calls and their replies, and the scripts that carry them out.
//!
//! `docs/state-protocol.md` is the same for other languages. Nothing here connects to anything.

pub mod call;
pub mod key;
pub mod message;
pub mod script;

/// Version of the protocol. An instance tells it; the tool refuses to start with one that it does not speak.
pub const PROTOCOL: u32 = 1;
