//! Scenario files: [`model`] is what is written, [`compile`](mod@compile) works it out with every mistake
//! named at once, [`plan`] is what users run.

pub mod chance;
pub mod compile;
mod expression;
pub mod extract;
pub mod fanout_model;
pub mod fanout_plan;
mod functions;
pub mod model;
pub mod multipart;
mod path;
pub mod payload;
mod people;
pub mod plan;
mod prepare;
mod slots;
pub mod socket_model;
pub mod socket_plan;
pub mod source;
pub mod storm_model;
pub mod template;
pub mod test_data;

pub use compile::{Overrides, compile_document};
pub use plan::Plan;
