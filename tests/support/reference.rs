//! The reference server, started as a user starts it: `scalectl serve`.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use super::output::Output;
use super::scalectl::{Running, Scalectl};
use super::wait::STARTUP;
use super::workdir::WorkDir;

/// How long the server may take to drain and end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// What the server says once it accepts connections; its address follows.
const LISTENING: &str = "listening on http://";

/// A reference server with a data folder that survives its restarts.
#[derive(Debug)]
pub struct ReferenceServer {
    data: Arc<WorkDir>,
    listen: String,
    args: Vec<String>,
    running: Option<Running>,
    url: String,
}

impl ReferenceServer {
    /// Starts it on a free port with an empty data folder.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more arguments of `scalectl serve`.
    #[track_caller]
    pub fn start_with(args: &[&str]) -> Self {
        Self::launch("127.0.0.1:0", args)
    }

    /// Starts it on an address that the test has chosen, and keeps across restarts.
    #[track_caller]
    pub fn listening_on(address: &str) -> Self {
        Self::launch(address, &[])
    }

    #[track_caller]
    fn launch(listen: &str, args: &[&str]) -> Self {
        let mut server = Self {
            data: Arc::new(WorkDir::new("serve")),
            listen: listen.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            running: None,
            url: String::new(),
        };
        server.restart();
        server
    }

    /// Starts it again, with the same data, on another free port; kills it first where it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        let data = self.data.join("data");
        let base = ["serve", "--listen", &self.listen, "--data"];
        let command = self.args.iter().fold(Scalectl::new(base).arg(data), Scalectl::arg).dir(&self.data);
        let running = command.spawn();
        let line = running.wait_for_line(STARTUP, |line| line.contains(LISTENING));
        self.url = parse_url(&line);
        self.running = Some(running);
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port, for `tcp://`, `socketio+http://` and the like.
    pub fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The running process; fails the test when it was stopped.
    #[track_caller]
    pub fn running(&mut self) -> &mut Running {
        self.running.as_mut().expect("the reference server runs")
    }

    /// Stops it with SIGTERM, and waits until it has drained and ended.
    #[track_caller]
    pub fn terminate(&mut self) -> Output {
        let running = self.running.take().expect("the reference server runs");
        running.signal(Signal::TERM);
        running.wait(DRAIN)
    }

    /// Kills it without warning, as kill -9 does.
    pub fn kill(&mut self) {
        self.running = None;
    }
}

/// Where a server that a test has started by itself listens, `127.0.0.1:PORT`, once it does.
#[track_caller]
pub fn served_at(running: &Running) -> String {
    let line = running.wait_for_line(STARTUP, |line| line.contains(LISTENING));
    parse_url(&line).trim_start_matches("http://").to_owned()
}

/// The address in the line that announces it, whatever follows.
fn parse_url(line: &str) -> String {
    let start = line.find(LISTENING).expect("the line was chosen for it") + "listening on ".len();
    line[start..].split_whitespace().next().expect("an address follows").to_owned()
}
