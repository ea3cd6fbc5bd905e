//! A process of an application whose state moves: `state-map/examples/instance`, asked over its socket.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Process, WorkDir};

/// How long a request may take, that of a stopped process included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time until a process listens.
const STARTUP: Duration = Duration::from_secs(30);

/// How instances are timed: short leases make short tests.
pub const LEASE: Duration = Duration::from_millis(1_500);

/// Longest time of one operation.
pub const OPERATION: Duration = Duration::from_millis(3_000);

/// Life of a call to Redis, by its clock.
pub const CALL_LIFE: Duration = Duration::from_millis(6_000);

/// How long the operator keeps tombstones at the end: no less is accepted for calls that live so long.
pub fn horizon() -> String {
    format!("{}ms", millis(CALL_LIFE + Duration::from_secs(5)))
}

/// What an instance answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done.
    Ok(Value),
    /// It is not done.
    Refused(String),
    /// It may be done.
    Unknown(String),
    /// It has read, and waits before it writes.
    Paused,
}

impl Answer {
    fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        if value == "paused" {
            return Some(Self::Paused);
        }
        let (kind, content) = value.as_object()?.iter().next()?;
        let text = || content.as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "ok" => Some(Self::Ok(content.clone())),
            "refused" => Some(Self::Refused(text())),
            "unknown" => Some(Self::Unknown(text())),
            _ => None,
        }
    }

    /// What it found, where it is done; fails the test where not.
    #[track_caller]
    pub fn ok(self) -> Value {
        match self {
            Self::Ok(value) => value,
            other => panic!("expected the request to be carried out, and not {other:?}"),
        }
    }
}

/// An instance that runs, or ran until it was killed.
#[derive(Debug)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    is_running: bool,
    process: Process,
    config: Value,
    dir: WorkDir,
}

impl Instance {
    /// Starts one at this Redis.
    #[track_caller]
    pub fn start(name: &str, redis: &str) -> Self {
        Self::start_skewed(name, redis, 0)
    }

    /// Starts one whose wall clock is off.
    #[track_caller]
    pub fn start_skewed(name: &str, redis: &str, skew_ms: i64) -> Self {
        let config = json!({
            "name": name,
            "redis": redis,
            "space": "stateMigration",
            "lease_ms": millis(LEASE),
            "operation_ms": millis(OPERATION),
            "timeout_ms": 1_000,
            "replicate_ms": 500,
            "call_life_ms": millis(CALL_LIFE),
            "idle_ms": 60_000,
            "skew_ms": skew_ms,
        });
        let dir = WorkDir::new(&format!("instance-{name}"));
        let (process, address) = launch(&config, &dir);
        Self { name: name.to_owned(), address, is_running: true, process, config, dir }
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.process.kill();
        self.is_running = false;
    }

    /// Starts it again under its name, at another port; kills it first where it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        (self.process, self.address) = launch(&self.config, &self.dir);
        self.is_running = true;
    }

    /// Makes it hang.
    pub fn stop(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn cont(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Whether it was started and not killed since.
    pub fn is_running(&self) -> bool {
        self.is_running
    }

    /// Asks it over a connection of its own.
    #[track_caller]
    pub fn ask(&self, request: &Value) -> Answer {
        let answer = Line::to(self.address).and_then(|mut line| line.ask(request));
        answer.unwrap_or_else(|failure| panic!("{}: {request}: {failure}", self.name))
    }

    /// How it stands.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.ask(&json!({"op": "status"})).ok()
    }
}

/// A connection to an instance.
#[derive(Debug)]
pub struct Line(BufReader<TcpStream>);

impl Line {
    /// Connects.
    pub fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, request: &Value) -> io::Result<Answer> {
        self.send(request)?;
        self.hear()
    }

    /// Asks, and leaves the answer for later.
    pub fn send(&mut self, request: &Value) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{request}\n").as_bytes())
    }

    /// Waits for an answer.
    pub fn hear(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Answer::read(&line).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

pub fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

#[track_caller]
fn launch(config: &Value, dir: &WorkDir) -> (Process, SocketAddr) {
    let command = Command::new(&*PROGRAM);
    let process = Process::start("instance", command, format!("{config}\n").as_bytes(), &dir.join("log"));
    let process = process.expect("the instance starts");
    let line = process.wait_for_line(STARTUP, |line| line.starts_with("listening on "));
    let address = line.trim_start_matches("listening on ").parse();
    (process, address.expect("the instance says where it listens"))
}

/// The program, which `cargo test --workspace` builds with the tests.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let tests = env::current_exe().expect("the tests know where they are");
    let folder = tests.parent().and_then(Path::parent).expect("the tests lie in a folder of the build");
    let program = folder.join("examples/instance");
    let repair = "`cargo build --workspace --examples` builds it (in the tests' profile)";
    let built = modified(&program).unwrap_or_else(|| panic!("{}: not built; {repair}", program.display()));
    let sources = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let mut sources = sources.split_whitespace().filter(|source| source.ends_with(".rs"));
    let newer = sources.find(|source| modified(Path::new(source)).is_some_and(|at| at > built));
    assert!(newer.is_none(), "{} is older than {newer:?}; {repair}", program.display());
    program
});

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}
