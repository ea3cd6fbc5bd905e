//! Scenario files: [`model`] is what is written, [`compile`](mod@compile) works it out with every mistake
//! named at once, [`plan`] is what users run.

pub mod compile;
pub mod model;
pub mod payload;
pub mod plan;
pub mod template;

pub use compile::{Overrides, compile_document};
pub use plan::Plan;
