//! A Socket.IO client for probes and load: Engine.IO v4 over polling and websocket, Socket.IO protocol v5.
//!
//! Pure: [`frame`] and [`packet`] are the wire formats, [`binary`] is bytes within JSON, [`backoff`] is how long to
//! wait. [`engine`] is one Engine.IO session with its transports, [`connection`] the namespaces, events and
//! acknowledgements on it, [`client`] a connection that comes back. All are driven by whoever owns them (no task, no
//! channel, no lock on a websocket), so that a held connection costs less than three kilobytes.

pub mod backoff;
pub mod base64;
pub mod binary;
pub mod client;
pub mod connection;
pub mod engine;
pub mod frame;
pub mod options;
pub mod outgoing;
pub mod packet;
mod polling;

#[cfg(test)]
mod connection_tests;

pub use backoff::Backoff;
pub use client::{Client, Event, Reconnection};
pub use connection::SocketIo;
pub use options::{OpenOptions, Transport};
pub use outgoing::Outgoing;
pub use packet::{Packet, PacketKind};
