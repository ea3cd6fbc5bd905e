//! A Redis of the test's own.

use redis_fixture::{Options, Server};

/// A standalone `redis-server` on a free port of 127.0.0.1 that keeps nothing on disk.
#[derive(Debug)]
pub struct RedisServer(Server);

impl RedisServer {
    /// Starts it and waits until it answers.
    #[track_caller]
    pub fn start() -> Self {
        Self(Server::start())
    }

    /// Starts one that wants this password.
    #[track_caller]
    pub fn start_with_password(password: &str) -> Self {
        let options = Options { password: Some(password.to_owned()), ..Options::default() };
        Self(Server::start_with(options.arg(["--requirepass", password])))
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Its address, `redis://127.0.0.1:PORT`, without a password.
    pub fn url(&self) -> String {
        format!("redis://{}", self.0.address())
    }

    /// A connection to it.
    #[track_caller]
    pub fn connect(&self) -> ::redis::Connection {
        self.0.connect().expect("redis-server accepts a connection")
    }

    /// Its process.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.0.pid().expect("redis-server runs")
    }

    /// Starts it again, empty, on the port that it had; kills it first where it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.0.restart();
    }
}
