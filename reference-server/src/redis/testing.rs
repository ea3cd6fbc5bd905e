//! A real Redis for unit tests.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Redis;
use crate::config::RedisSettings;
use crate::telemetry::Telemetry;

/// A `redis-server` on a free port that keeps nothing on disk.
pub struct RedisServer {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl RedisServer {
    /// Starts it.
    pub fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let port_text = port.to_string();
        let args = ["--port", port_text.as_str(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let command = Command::new("redis-server").args(args).current_dir(&dir).stdout(Stdio::null()).spawn();
        Self { process: command.expect("this test needs redis-server"), port, _dir: dir }
    }

    /// A handle of its own, once the server answers.
    pub async fn connect(&self) -> Arc<Redis> {
        let mut settings = RedisSettings::new(format!("redis://127.0.0.1:{}", self.port));
        settings.timeout = Duration::from_millis(200);
        settings.retry_interval = Duration::from_millis(20);
        let redis = Redis::connect(&settings, Arc::new(Telemetry::new(None))).await.unwrap();
        redis.availability().wait_for(|available| *available).await.unwrap();
        redis
    }

    /// Makes it hang.
    pub fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
