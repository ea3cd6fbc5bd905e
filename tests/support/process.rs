//! A child process whose output is read line by line, and that does not outlive its handle.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::holds_within;

/// How long the output may stay open after the process itself has ended.
const DRAIN: Duration = Duration::from_secs(5);

/// Which of its two streams the process wrote a line to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Results.
    Stdout,
    /// Progress and messages.
    Stderr,
}

/// One line that the process wrote, with its line end where it had one.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// The line; bytes that are not UTF-8 are replaced.
    pub text: String,
}

#[derive(Debug, Default)]
struct Transcript {
    lines: Vec<Line>,
    open_streams: usize,
}

#[derive(Debug, Default)]
struct Shared {
    transcript: Mutex<Transcript>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Transcript> {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running or ended child. Dropping it kills it and its descendants, and reaps it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    shared: Arc<Shared>,
}

impl Process {
    /// Starts `command`, feeds it `stdin`, and copies what it writes to the file `log` as well.
    pub fn start(name: &str, mut command: Command, stdin: &[u8], log: &Path) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let shared = Arc::new(Shared::default());
        let log = Arc::new(Mutex::new(File::options().create(true).append(true).open(log)?));
        shared.lock().open_streams = 2;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        read_lines(Stream::Stdout, stdout.expect("stdout is piped"), &shared, &log);
        read_lines(Stream::Stderr, stderr.expect("stderr is piped"), &shared, &log);
        feed(child.stdin.take().expect("stdin is piped"), stdin.to_vec());
        Ok(Self { name: name.to_owned(), child, shared })
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends `signal` to the process alone, as `kill` does.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there to be signalled");
    }

    /// Whether it has ended; reaps it if so.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the child can be asked").is_some()
    }

    /// Everything it wrote so far, in the order in which it arrived.
    pub fn lines(&self) -> Vec<Line> {
        self.shared.lock().lines.clone()
    }

    /// What it wrote to one stream so far.
    pub fn text(&self, stream: Stream) -> String {
        self.shared.lock().lines.iter().filter(|l| l.stream == stream).map(|l| l.text.as_str()).collect()
    }

    /// The first line, of either stream, past or future, that `wanted` accepts; without its line end.
    /// None when the deadline passes, or the process closes its output, without one.
    pub fn find_line(&self, deadline: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let end = Instant::now() + deadline;
        let mut transcript = self.shared.lock();
        let mut seen = 0;
        loop {
            let found = transcript.lines[seen..].iter().map(|line| line.text.trim_end()).find(|t| wanted(t));
            if let Some(text) = found {
                return Some(text.to_owned());
            }
            seen = transcript.lines.len();
            let left = end.saturating_duration_since(Instant::now());
            if transcript.open_streams == 0 || left.is_zero() {
                return None;
            }
            let woken = self.shared.changed.wait_timeout(transcript, left);
            transcript = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// As [`Process::find_line`]; fails the test, with all that was written, when there is none.
    #[track_caller]
    pub fn wait_for_line(&self, deadline: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let Some(line) = self.find_line(deadline, wanted) else {
            panic!("{}: the awaited line did not come within {deadline:?}; {}", self.name, self.written());
        };
        line
    }

    /// Waits until it has ended and its output is read to the end; none when the deadline passes first.
    pub fn wait(&mut self, deadline: Duration) -> Option<ExitStatus> {
        if !holds_within(deadline, || self.has_ended()) {
            return None;
        }
        self.find_line(DRAIN, |_| false);
        self.child.try_wait().expect("the child can be asked")
    }

    /// Kills it and its descendants at once, and reaps it.
    pub fn kill(&mut self) {
        if self.has_ended() {
            return;
        }
        let mut victims = descendants(self.pid());
        victims.insert(0, self.pid());
        for victim in victims {
            // One that has ended since is no failure.
            let _ = kill_process(victim, Signal::KILL);
        }
        self.child.wait().expect("a killed child can be reaped");
    }

    /// What it wrote, for the message of a failing test.
    pub fn written(&self) -> String {
        let lines: String = self.lines().iter().map(|line| format!("  {}\n", line.text.trim_end())).collect();
        if lines.is_empty() { "it wrote nothing".to_owned() } else { format!("it wrote:\n{lines}") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_lines(
    stream: Stream,
    source: impl Read + Send + 'static,
    shared: &Arc<Shared>,
    log: &Arc<Mutex<File>>,
) {
    let (shared, log) = (Arc::clone(shared), Arc::clone(log));
    thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut bytes = Vec::new();
        while matches!(source.read_until(b'\n', &mut bytes), Ok(count) if count > 0) {
            // A log that cannot be written costs the log, not the test.
            let _ = log.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            shared.lock().lines.push(Line { stream, text });
            shared.changed.notify_all();
            bytes.clear();
        }
        shared.lock().open_streams -= 1;
        shared.changed.notify_all();
    });
}

/// Writes from a thread of its own: a child that never reads must not block the test.
fn feed(mut stdin: impl Write + Send + 'static, bytes: Vec<u8>) {
    thread::spawn(move || {
        // A child that ends without reading its input is its own business.
        let _ = stdin.write_all(&bytes);
    });
}

/// The children of `pid`, their children, and so on, as the kernel lists them at this moment.
fn descendants(pid: Pid) -> Vec<Pid> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let ids: Vec<i32> = lists
        .flat_map(|l| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|id| id.parse().ok())
        .collect();
    let children = ids.into_iter().filter_map(Pid::from_raw);
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}
