//! A Socket.IO client for probes and load: Engine.IO v4 over websocket, Socket.IO protocol v5.
//!
//! [`packet`] is the wire format, pure; [`connection`] is one connection, driven by whoever owns it
//! (no task, no channel, no lock), so that it costs a few kilobytes.

pub mod connection;
pub mod packet;

pub use connection::{OpenOptions, SocketIo};
pub use packet::{Packet, PacketKind};
