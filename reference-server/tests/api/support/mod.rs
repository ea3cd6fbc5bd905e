//! A server of the test's own, and clients for it.

mod http;
pub mod mongo;
mod redis;
mod server;
mod socket;

pub use http::{Answer, Client};
pub use redis::RedisServer;
pub use server::Server;
pub use socket::Socket;
