//! A run by several processes: here, or on other machines.
//!
//! One process leads ([`lead`]): it hands out shares of the work, starts everybody at the same moment, adds up what
//! they tell and judges. The others ([`host`]) make load. They speak [`message`]s over pipes ([`local`]) or through a
//! Redis ([`remote`]); both ends know channels only.

pub mod host;
pub mod lead;
pub mod local;
pub mod message;
pub mod preflight;
pub mod remote;

use tokio::sync::mpsc;

pub use lead::{Terms, WorkerError, run};
pub use message::{Files, Job, Order, Report};

/// A worker as the lead sees it. A worker whose orders end takes its lead for gone, and stops.
#[derive(Debug)]
pub struct Worker {
    /// Its name in messages.
    pub name: String,
    /// Where it is told what to do.
    pub orders: mpsc::Sender<Order>,
}

/// What is heard of a worker.
#[derive(Debug)]
pub struct Said {
    /// Which one.
    pub worker: usize,
    /// What.
    pub word: Word,
}

/// A report, or that there will be none any more.
#[derive(Debug)]
pub enum Word {
    /// It said this itself.
    Report(Report),
    /// It is gone, and why.
    Gone(String),
}
