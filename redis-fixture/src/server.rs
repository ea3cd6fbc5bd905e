//! One server process.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Connection, FromRedisValue, RedisResult};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::program::Version;
use crate::wait::until;

/// How often a port that somebody took in the meantime is replaced.
const ATTEMPTS: usize = 10;

/// Time for one answer of a server that may be stopped.
const ANSWER: Duration = Duration::from_secs(2);

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which server.
    pub version: Version,
    /// Whether it keeps its data over [`Server::restart`].
    pub append_only: bool,
    /// Further arguments, such as `["--requirepass", "secret"]`.
    pub args: Vec<String>,
    /// Password that the arguments ask for: used by [`Server::ask`], part of [`Server::url`].
    pub password: Option<String>,
    /// Whether it is a node of a Cluster, which talks to the others over a second port.
    pub clustered: bool,
}

impl Options {
    /// Of this version.
    pub fn of(version: Version) -> Self {
        Self { version, ..Self::default() }
    }

    /// With a further argument and its values.
    pub fn arg<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// With data that outlives the process.
    pub fn append_only(self) -> Self {
        Self { append_only: true, ..self }
    }
}

/// A running or killed server. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Server {
    options: Options,
    port: u16,
    bus: Option<u16>,
    config: Option<PathBuf>,
    process: Option<Child>,
    dir: TempDir,
}

impl Server {
    /// Starts the installed version, without data on disk, and waits until it answers.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts one and waits until it answers.
    #[track_caller]
    pub fn start_with(options: Options) -> Self {
        Self::start_at(options, None)
    }

    /// Starts a Sentinel with this configuration.
    #[track_caller]
    pub(crate) fn start_sentinel(version: Version, text: &str) -> Self {
        Self::start_at(Options::of(version).arg(["--sentinel"]), Some(text))
    }

    #[track_caller]
    fn start_at(options: Options, config: Option<&str>) -> Self {
        let dir = tempfile::Builder::new().prefix("redis-fixture-").tempdir().unwrap();
        let config = config.map(|text| {
            let path = dir.path().join("server.conf");
            std::fs::write(&path, text).unwrap();
            path
        });
        let mut server = Self { options, port: 0, bus: None, config, process: None, dir };
        for _ in 0..ATTEMPTS {
            server.port = free_port();
            server.bus = server.options.clustered.then(free_port);
            if server.launch() {
                return server;
            }
        }
        panic!("found no free port in {ATTEMPTS} attempts; the last log:\n{}", server.log());
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port over which it talks to the other nodes of its Cluster.
    pub fn bus(&self) -> Option<u16> {
        self.bus
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `redis://127.0.0.1:PORT`, with the password where there is one.
    pub fn url(&self) -> String {
        let login = self.options.password.as_ref().map(|password| format!(":{password}@"));
        format!("redis://{}{}", login.unwrap_or_default(), self.address())
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its process id; none when it is not running.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Whether it was started and not killed since.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Kills it without warning.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Makes it hang: SIGSTOP.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on: SIGCONT.
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the server is running");
        kill_process(Pid::from_child(process), signal).unwrap();
    }

    /// Starts it again on its port and with its folder, and waits until it answers; kills it first where it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill9();
        until("the port that the server had is free again", || self.launch());
    }

    /// A connection to it.
    pub fn connect(&self) -> RedisResult<Connection> {
        let connection = redis::Client::open(self.url())?.get_connection_with_timeout(ANSWER)?;
        connection.set_read_timeout(Some(ANSWER))?;
        Ok(connection)
    }

    /// What it answers to a command.
    pub fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> RedisResult<T> {
        let mut asked = redis::cmd(command[0]);
        asked.arg(&command[1..]).query(&mut self.connect()?)
    }

    /// As [`Self::try_ask`], where an answer is expected.
    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        match self.try_ask(command) {
            Ok(answer) => answer,
            Err(failure) => panic!("{}: {}: {failure}", self.address(), command.join(" ")),
        }
    }

    /// The value of a field of `INFO`; empty when it has none, or does not answer.
    pub fn info(&self, field: &str) -> String {
        let text: String = self.try_ask(&["INFO", "everything"]).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// Whether it came up: not so when its port is taken.
    fn launch(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = Command::new(self.options.version.program());
        // The file comes before any option.
        command.args(&self.config).args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        if self.config.is_none() {
            let kept = if self.options.append_only { "yes" } else { "no" };
            command.args(["--save", "", "--appendonly", kept, "--repl-diskless-sync-delay", "0"]);
        }
        if let Some(bus) = self.bus {
            command.args(["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()]);
        }
        command.arg("--dir").arg(self.dir.path()).args(&self.options.args).current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().expect("the server can be started"));
        let mut answers = false;
        until("the server answers or ends", || {
            answers = self.answers();
            answers || self.has_ended()
        });
        if !answers {
            self.kill9();
        }
        answers
    }

    /// Whether this very process answers, and not somebody else on its port.
    fn answers(&self) -> bool {
        let pid = self.pid().unwrap_or_default().to_string();
        self.info("process_id") == pid && self.try_ask::<String>(&["PING"]).is_ok()
    }

    fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.try_wait().is_ok_and(|status| status.is_some()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(600);
            eprintln!("log of {}: …{}", self.address(), log.get(from..).unwrap_or(&log));
        }
    }
}

/// A port that was free a moment ago: these servers cannot choose one themselves.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
