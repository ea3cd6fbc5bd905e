//! A server of the test's own, and clients for it.

mod deployment;
mod http;
pub mod mongo;
mod redis;
mod server;
mod socket;

pub use deployment::{Deployment, Kind};
pub use http::{Answer, Client};
pub use redis::RedisServer;
pub use server::{Mortal, Server};
pub use socket::Socket;
