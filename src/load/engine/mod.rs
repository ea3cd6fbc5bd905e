//! One virtual user: its connections, its variables, its clock, and the steps it goes through.
//!
//! A user is one task that owns everything it uses. While it thinks, or waits for HTTP, it goes on
//! driving its socket, so that pings are answered and events are kept.

mod answer;
mod check;
mod control;
mod fanout;
pub mod hostile;
mod http;
mod inbox;
mod once;
mod parallel;
mod plain;
mod session;
mod shared;
mod socket;
mod socket_session;
mod storm;
mod user;

pub use once::{Once, once};
pub use shared::{Shared, Stop};
pub use user::VirtualUser;
