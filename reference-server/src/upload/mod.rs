//! Files that users send: on disk under their identifiers, so that no name of a client ever becomes a path.
//!
//! A file is written under a temporary name, synced, renamed, and only then recorded in the store; it is
//! removed after its record. A crash in between leaves a file that no record names: [`sweep()`] removes those.

mod files;
mod incoming;
mod name;
mod sweep;

pub use files::Files;
pub use incoming::{Incoming, Received, Refused};
pub use name::{attachment, display_name};
pub use sweep::sweep;
