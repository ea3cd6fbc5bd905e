//! The scalectl binary as a user runs it, in an environment and a folder of its own.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::output::{Output, Redaction};
use super::process::{Process, Stream};
use super::tools::search_path;
use super::workdir::WorkDir;

/// How long a command may take before the test gives it up.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The binary under test.
pub fn scalectl_path() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_scalectl"))
}

/// Runs `scalectl ARGS` in a shell whose processes may open `files` files, for limits that only a shell can set.
pub fn with_file_limit(files: u32, args: &str, dir: &WorkDir) -> std::process::Output {
    let script = format!("ulimit -n {files}; exec {} {args}", scalectl_path().display());
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(dir.path()).env("NO_COLOR", "1");
    command.output().expect("sh runs")
}

/// A command about to be run. Its environment holds PATH, HOME, TMPDIR and a language, and nothing of the
/// machine's; its folder is new and empty; no stream is a terminal.
#[derive(Debug)]
pub struct Scalectl {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    dir: Arc<WorkDir>,
    timeout: Duration,
    redactions: Vec<Redaction>,
}

impl Scalectl {
    /// `scalectl ARGS`, where ARGS are given one by one.
    pub fn new<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self {
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
            stdin: Vec::new(),
            dir: Arc::new(WorkDir::new("scalectl")),
            timeout: TIMEOUT,
            redactions: vec![Redaction::ports()],
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What the command reads from stdin; nothing by default.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Writes a file into the folder in which the command runs.
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        self.dir.write(name, contents);
        self
    }

    /// Runs in `dir`, for commands that follow one another in one folder.
    pub fn dir(mut self, dir: &Arc<WorkDir>) -> Self {
        self.dir = Arc::clone(dir);
        self
    }

    /// How long [`Scalectl::run`] waits before it kills the command and fails the test; 60 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Shows durations as `[TIME]` where output is compared.
    pub fn hide_times(self) -> Self {
        self.hide(Redaction::times())
    }

    /// Shows every match of a regular expression as `word` where output is compared.
    pub fn hide_matches(self, pattern: &str, word: &str) -> Self {
        self.hide(Redaction::new(pattern, word))
    }

    fn hide(mut self, redaction: Redaction) -> Self {
        self.redactions.push(redaction);
        self
    }

    /// Runs to the end. Fails the test when it does not end in time, or panics.
    #[track_caller]
    pub fn run(self) -> Output {
        let timeout = self.timeout;
        self.spawn().wait(timeout)
    }

    /// Starts it and returns at once.
    #[track_caller]
    pub fn spawn(self) -> Running {
        let log = self.dir.join("scalectl.log");
        let started = Instant::now();
        let process = Process::start("scalectl", self.command(), &self.stdin, &log);
        let process = process.unwrap_or_else(|error| panic!("scalectl did not start: {error}"));
        // Its own folder shows as [DIR], before anything else in the path is taken for something.
        let folder = Redaction::new(&regex::escape(&self.dir.path().to_string_lossy()), "[DIR]");
        let redactions = [vec![folder], self.redactions.clone()].concat();
        Running { started, process, shown: self.shown(), dir: self.dir, redactions }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(scalectl_path());
        command.args(&self.args).current_dir(self.dir.path()).env_clear();
        command.env("PATH", search_path()).env("LANG", "C.UTF-8");
        command.env("HOME", self.dir.path()).env("TMPDIR", self.dir.path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn shown(&self) -> String {
        let words = self.args.iter().map(|arg| arg.to_string_lossy().into_owned());
        std::iter::once("scalectl".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A scalectl in the background; killed with its descendants when dropped.
#[derive(Debug)]
pub struct Running {
    started: Instant,
    shown: String,
    process: Process,
    dir: Arc<WorkDir>,
    redactions: Vec<Redaction>,
}

impl Running {
    /// The first line, of either stream, that `wanted` accepts; fails the test when none comes in time.
    #[track_caller]
    pub fn wait_for_line(&self, deadline: Duration, wanted: impl Fn(&str) -> bool) -> String {
        self.process.wait_for_line(deadline, wanted)
    }

    /// Sends SIGINT, SIGTERM or another signal to scalectl alone.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The process itself, for what only a few tests ask.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The folder in which it runs.
    pub fn dir(&self) -> &Arc<WorkDir> {
        &self.dir
    }

    /// Waits for the end. Fails the test when the deadline passes first, or when scalectl panicked.
    #[track_caller]
    pub fn wait(mut self, deadline: Duration) -> Output {
        let Some(status) = self.process.wait(deadline) else {
            let written = self.process.written();
            panic!("`{}` still ran after {deadline:?}; {written}", self.shown);
        };
        let (stdout, stderr) = (self.process.text(Stream::Stdout), self.process.text(Stream::Stderr));
        let Self { started, shown: command, dir, redactions, .. } = self;
        let output = Output { status, stdout, stderr, took: started.elapsed(), command, dir, redactions };
        assert!(!output.stderr.contains("panicked at"), "scalectl panicked\n{}", output.report());
        output
    }
}
