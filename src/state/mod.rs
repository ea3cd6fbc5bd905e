//! State that moves from the memory of an application's processes to Redis, under live writes.
//!
//! The instances carry the protocol out by themselves (`state-map`, `docs/state-protocol.md`); here are the operator's
//! parts: [`target`] is the Redis that the state moves to, [`lock`] lets one operator steer at a time, [`journal`]
//! keeps what was decided and on which evidence, [`run`] takes the steps.

pub mod error;
pub mod target;

pub use error::StateError;
pub use target::Target;
