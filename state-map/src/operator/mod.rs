//! The operator's side of the protocol: which step may be taken ([`gate()`]), and how it is taken ([`Operator`]).
//!
//! A step is a survey, the gates, an entry in the journal, a compare-and-set of the control record (C12). Nothing here
//! reads a clock or a network but through the [`Port`](crate::port::Port).

mod blocker;
mod evict;
mod gate;
mod journal;
mod known;
mod steer;
mod step;
mod stopped;
#[cfg(test)]
pub(crate) mod tests;

pub use blocker::Blocker;
pub use evict::{Eviction, EvictionRefused, eviction};
pub use gate::{fell_back, gate, unacknowledged};
pub use journal::{Entry, Evidence, Intent, Journal, Notes, Remembered};
pub use known::{Known, Noticed, Outcome, Verification};
pub use steer::{Changed, Operator, Terms, survey};
pub use step::{Step, new_epoch};
pub use stopped::Stopped;
