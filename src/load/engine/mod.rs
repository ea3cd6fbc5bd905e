//! One virtual user: its connections, its variables, its clock, and the steps it goes through.
//!
//! A user is one task that owns everything it uses. While it thinks, or waits for HTTP, it goes on
//! driving its Socket.IO connection, so that pings are answered and events are kept.

mod answer;
mod control;
mod cookies;
mod http;
mod session;
mod shared;
mod socket;
mod user;

pub use shared::{Shared, Stop};
pub use user::VirtualUser;
