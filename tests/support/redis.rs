//! A Redis of the test's own.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use super::process::Process;
use super::tools::find_program;
use super::wait::STARTUP;
use super::workdir::WorkDir;

/// How often a port that someone else took in the meantime is replaced.
const ATTEMPTS: usize = 10;

/// A standalone `redis-server` on a free port of 127.0.0.1 that keeps nothing on disk.
#[derive(Debug)]
pub struct RedisServer {
    // Fields drop in order: the process ends before its folder goes.
    process: Process,
    port: u16,
    args: Vec<String>,
    dir: WorkDir,
}

impl RedisServer {
    /// Starts it and waits until it answers.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more arguments, such as `["--requirepass", "secret"]`.
    #[track_caller]
    pub fn start_with(args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let dir = WorkDir::new("redis");
        for _ in 0..ATTEMPTS {
            let port = free_port();
            if let Some(process) = launch(port, &args, &dir) {
                return Self { process, port, args, dir };
            }
        }
        panic!("redis-server found no free port in {ATTEMPTS} attempts");
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection to it.
    #[track_caller]
    pub fn connect(&self) -> ::redis::Connection {
        let client = ::redis::Client::open(self.url()).expect("the address is well formed");
        client.get_connection().expect("redis-server accepts a connection")
    }

    /// Its process, for signals: SIGSTOP makes it hang.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, empty, on the port that it had; kills it first where it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        let process = launch(self.port, &self.args, &self.dir);
        self.process = process.expect("the port that redis-server had is free again");
    }
}

/// A port that was free a moment ago: redis-server, unlike the others, cannot choose one itself.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of 127.0.0.1 can be bound");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Starts it on `port`; none when the port is taken. Any other failure ends the test.
#[track_caller]
fn launch(port: u16, args: &[String], dir: &WorkDir) -> Option<Process> {
    let mut command = Command::new(find_program("redis-server"));
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(dir.path());
    command.arg("--port").arg(port.to_string()).args(args).current_dir(dir.path());
    let process = Process::start("redis-server", command, b"", &dir.join("redis.log"));
    let process = process.expect("redis-server starts");
    let ready = |line: &str| line.contains("Ready to accept connections");
    let taken = |line: &str| line.contains("Address already in use");
    let line = process.wait_for_line(STARTUP, |line| ready(line) || taken(line));
    ready(&line).then_some(process)
}
