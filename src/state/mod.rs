//! State that moves from the memory of an application's processes to Redis, under live writes.
//!
//! The instances carry the protocol out by themselves (`state-map`, `docs/state-protocol.md`); here are the operator's
//! parts: [`target`] is the Redis that the state moves to, [`lock`] lets one operator steer at a time, [`journal`]
//! keeps what was decided and on which evidence, [`helm`] takes the steps, [`status`] tells where the migration is.

mod adopt;
pub mod change;
pub mod collect;
pub mod conflict;
pub mod error;
pub mod evidence;
pub mod helm;
pub mod journal;
pub mod lock;
pub mod preflight;
mod sidecars;
pub mod status;
pub mod target;
pub mod verify;
pub mod watch;

pub use error::{Refusal, StateError};
pub use helm::{Helm, Seen};
pub use target::Target;
