//! Load: virtual users that go through scenarios, and what they measured.
//!
//! [`scenario`] is the language, [`schedule`] says when users are active, [`engine`] is one user,
//! [`run`](mod@run) lets goose run them all, [`recorder`] counts and times, [`slo`] and [`report`] judge;
//! [`capacity`] runs one scenario at many levels until it knows its limit.
//! Nothing here prints or knows the command line.

pub mod capacity;
pub mod engine;
pub mod recorder;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod slo;

pub use report::LoadReport;
pub use run::{LoadError, Progress, run, run_after};
pub use scenario::{Overrides, Plan, compile, compile_document};
