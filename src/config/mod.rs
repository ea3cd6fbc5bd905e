//! What the user wrote: YAML files read with their places, checked whole, every mistake named at once.
//!
//! [`Document`] keeps the line and column of each value; [`schema::check`] holds a document against the
//! JSON Schema of the type it is meant for; [`topology`] is `scalectl.yaml`.

pub mod diagnostic;
pub mod document;
pub mod duration;
pub mod schema;
pub mod suggest;
pub mod topology;

pub use diagnostic::{Diagnostic, Mistakes};
pub use document::{Document, Place};
