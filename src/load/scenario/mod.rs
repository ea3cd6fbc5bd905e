//! Scenario files: [`model`] is what is written, [`compile`](mod@compile) works it out with every mistake
//! named at once, [`plan`] is what users run.

pub mod compile;
pub mod model;
pub mod payload;
pub mod plan;
pub mod socket_model;
pub mod socket_plan;
pub mod template;

pub use compile::{Overrides, compile, compile_document};
pub use plan::Plan;
