//! `migrate indexes`: which indexes MongoDB must have, what it takes to get there, and the proof.
//!
//! [`spec`] is what people declare, [`live`] what the servers have; both speak of an [`index::Index`]. [`diff`] is
//! what lies between them. Nothing here prints or knows the command line.

pub mod advise;
pub mod apply;
pub mod capability;
pub mod diff;
pub mod error;
pub mod history;
pub mod import;
pub mod index;
pub mod live;
mod number;
pub mod plan;
pub mod spec;
pub mod verify;

pub use error::{IndexError, Refusal};
