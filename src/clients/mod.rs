//! The only place that opens connections: TCP and TLS, HTTP, websockets, Socket.IO, Redis, MongoDB.
//!
//! Every client takes its time limit from the caller, and every failure is a [`ClientError`] whose
//! [`cause`](ClientError::cause) is a short, stable word for counters and reports.

pub mod cookies;
pub mod error;
pub mod http;
pub mod mongodb;
pub mod net;
pub mod redis;
pub mod secret;
pub mod socketio;
mod upgrading;
pub mod websocket;

pub use error::ClientError;
pub use net::Connector;
pub use secret::{SecretUrl, mask_text};
