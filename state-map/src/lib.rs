//! A typed map that an application uses in place of a `HashMap`, and that an operator moves from the process's
//! memory to Redis while requests run: `scalectl migrate state` steers, every instance's [`Map`]s follow.
//!
//! The protocol is `docs/state-protocol.md`; its rules C1-C20 are named where the code carries them out. The code
//! has no I/O of its own: it asks a [`Port`], which is Redis ([`redis`]) or, in the tests, a simulation.
//!
//! # What is guaranteed
//!
//! Operations on one key are linearizable from the moment that all instances have acknowledged `dual`, in every
//! phase, through any number of phase changes back and forth. See [`Phase`] for who acknowledges when, and
//! `docs/state-protocol.md` for what cannot be guaranteed.

mod clock;
pub mod control;
pub mod error;
pub mod map;
mod memory;
pub mod node;
pub mod operator;
pub mod phase;
mod plant;
pub mod port;
pub mod redis;
#[cfg(test)]
mod sim;
pub mod spec;
mod sync;
pub mod verify;
pub mod wire;

pub use control::{ControlRecord, Id, Stamp};
pub use error::{Misfit, Refused};
pub use map::{Change, Map};
pub use node::{Node, Settings, Status};
pub use phase::{Phase, Service};
pub use port::{Event, Port};
pub use spec::{Codec, Json, MapSpec, Merge, Takeover, Text};
