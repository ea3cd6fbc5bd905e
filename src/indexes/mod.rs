//! `migrate indexes`: which indexes MongoDB must have, what it takes to get there, and the proof.
//!
//! [`spec`] is what people declare, [`live`] what the servers have; both speak of an [`index::Index`].
//! Nothing here prints or knows the command line.

pub mod error;
pub mod import;
pub mod index;
pub mod live;
pub mod spec;

pub use error::{IndexError, Refusal};
