//! Real Redis servers for tests: standalone, with replicas, behind Sentinels, in a Cluster. They listen on free
//! ports of 127.0.0.1, keep their data in a folder of their own, and are killed when they are dropped.
//!
//! Everything here panics when a server cannot be had: a test without its server must not look as if it had passed.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod cluster;
mod program;
mod replicated;
mod sentinel;
mod server;
mod wait;

pub use cluster::Cluster;
pub use program::Version;
pub use replicated::Replicated;
pub use sentinel::Sentinels;
pub use server::{Options, Server};
pub use wait::{PATIENCE, until};
