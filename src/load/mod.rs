//! Load: virtual users that go through scenarios, and what they measured.
//!
//! [`scenario`] is the language, [`import`] writes it from recordings, logs and API documents, [`schedule`] says when users are active, [`engine`] is one user,
//! [`run`](mod@run) lets goose run them all, [`recorder`] counts and times, [`slo`] and [`report`] judge.
//! Nothing here prints or knows the command line.

#[cfg(test)]
mod damaged;
pub mod engine;
pub mod import;
pub mod recorder;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod shipped;
pub mod slo;

pub use report::LoadReport;
pub use run::{LoadError, Progress, run};
pub use scenario::{Overrides, Plan, compile, compile_document};
