//! Load: virtual users that go through scenarios, and what they measured.
//!
//! [`scenario`] is the language, [`import`] writes it from recordings, logs and API documents, [`schedule`] says when
//! users are active, [`engine`] is one user, [`crew`] the users of one process. Each process counts and times with
//! its [`recorder`] and tells a [`beat`] a second; an [`observer`] adds the beats up ([`ledger`], [`timeline`]), holds
//! them against the thresholds ([`slo`]), shows them to its [`onlooker`]s, such as [`export`], and makes the
//! [`report`]. [`metrics`] asks the systems under load what they do. [`capacity`] runs one scenario at many levels
//! until it knows its limit. Nothing here prints or knows the command line.

pub mod accounts;
pub mod beat;
pub mod capacity;
pub mod clean;
pub mod compare;
pub mod crew;
#[cfg(test)]
mod damaged;
pub mod disconnect;
pub mod engine;
pub mod export;
pub mod fanout;
pub mod generator;
pub mod import;
mod lane;
pub mod ledger;
pub mod metrics;
pub mod observer;
pub mod onlooker;
mod pairs;
pub mod recorder;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod section;
pub mod share;
pub mod shipped;
pub mod slo;
pub mod storm;
pub mod stretch;
pub mod tally;
pub mod timeline;
pub mod vitals;
pub mod worker;

pub use onlooker::Audience;
pub use report::LoadReport;
pub use run::{LoadError, Progress, run, run_after};
pub use scenario::{Overrides, Plan, compile_document};
