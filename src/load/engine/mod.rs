//! One virtual user: its connections, its variables, its clock, and the steps it goes through.
//!
//! A user is one task that owns everything it uses. While it thinks, or waits for HTTP, it goes on
//! driving its Socket.IO connection, so that pings are answered and events are kept.

mod answer;
mod check;
mod control;
mod cookies;
pub mod hostile;
mod http;
mod once;
mod parallel;
mod session;
mod shared;
mod socket;
mod user;

pub use once::{Once, once};
pub use shared::{Shared, Stop};
pub use user::VirtualUser;
