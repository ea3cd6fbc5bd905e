//! Fan-out: what users publish into rooms, and what of it those who listen there get: when, whether, once, in order.
//!
//! Publishers and listeners may be users of different processes. Each process keeps an [`account`] of its rooms: what was
//! published, and what its listeners heard of each publisher. What is missing is worked out of the sum of the accounts,
//! by [`report`], because only there it is known what all publishers sent. [`stamp`] is what makes a message known again,
//! [`heard`] what a listener remembers of a publisher, [`spread`] the times of a room.

pub mod account;
pub mod heard;
pub mod report;
pub mod spread;
pub mod stamp;

pub use account::{Account, Book, RoomBook};
pub use report::FanoutReport;
