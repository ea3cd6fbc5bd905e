//! What the integration tests stand on: the scalectl binary, real servers, and servers that misbehave.
//!
//! - [`Scalectl`] runs the binary: [`Scalectl::run`] to its end, [`Scalectl::spawn`] in the background.
//! - [`ReferenceServer`], [`RedisServer`], [`MongoServer`], [`PrometheusServer`] are real servers on free ports.
//! - [`Fleet`] is the reference server as several processes on one port.
//! - [`NodeServer`] is a real Socket.IO or websocket server in Node, or a balancer before several.
//! - [`MongoProxy`] and [`MongoSet`] stand on the wire before MongoDB-compatible servers: faults on chosen
//!   commands, and three servers that look like one replica set.
//! - [`RedisProxy`] stands on the wire before Redis: commands that are late, lost or come twice, partitions.
//! - [`Browser`] is a real browser, for pages.
//! - [`faults`] answers late, wrongly or not at all.
//!
//! Every process is killed with its descendants when its handle is dropped. Each one has a folder with its log,
//! which is kept, and its path printed, when the test fails. Nothing waits without a deadline.

pub mod faults;

mod browser;
mod fleet;
mod http;
mod indexed;
mod mongo;
mod mongo_proxy;
mod node;
mod output;
mod process;
mod prometheus;
mod redis;
mod redis_proxy;
mod reference;
mod scalectl;
mod tools;
mod wait;
mod workdir;

pub use browser::Browser;
pub use fleet::{Fleet, is_alive, signal_instance};
pub use http::{ADMIN, KeptAlive, get, get_as_admin, post};
pub use indexed::Indexed;
pub use mongo::{MongoServer, block_on};
pub use mongo_proxy::{Command, Fault, Held, MongoProxy, MongoSet, When};
pub use node::NodeServer;
pub use output::Output;
pub use process::{Line, Process, Stream};
pub use prometheus::PrometheusServer;
pub use redis::RedisServer;
pub use redis_proxy::{Act, HeldBack, RedisProxy, Which};
pub use reference::{ReferenceServer, served_at};
pub use scalectl::{Running, Scalectl, scalectl_path, with_file_limit};
pub use tools::{find_program, search_path};
pub use wait::{STARTUP, wait_until};
pub use workdir::WorkDir;
