//! Real Socket.IO and websocket servers in Node, from `tests/node`, on free ports of 127.0.0.1.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use super::process::{Process, Stream};
use super::tools::{find_program, tools_folder};
use super::wait::STARTUP;
use super::workdir::WorkDir;

const LISTENING: &str = "listening on ";

/// A Node process; killed when dropped.
#[derive(Debug)]
pub struct NodeServer {
    process: Process,
    url: String,
    _dir: WorkDir,
}

impl NodeServer {
    /// A Socket.IO server; `settings` are those of `tests/node/server.js`.
    #[track_caller]
    pub fn socketio(settings: &Value) -> Self {
        Self::start("server.js", &[settings.to_string()])
    }

    /// A plain websocket server that echoes.
    #[track_caller]
    pub fn websocket() -> Self {
        Self::start("websocket.js", &[])
    }

    /// A balancer before `servers`, which keeps a client on one of them or does not.
    #[track_caller]
    pub fn balancer(is_sticky: bool, servers: &[&Self]) -> Self {
        let mode = if is_sticky { "sticky" } else { "rotating" };
        let ports = servers.iter().map(|server| server.port());
        Self::start("balancer.js", &std::iter::once(mode.to_owned()).chain(ports).collect::<Vec<_>>())
    }

    #[track_caller]
    fn start(script: &str, args: &[String]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = tools_folder().join("../node/node_modules");
        assert!(
            packages.join("socket.io").is_dir(),
            "socket.io is not in .tools/node; `make tools` installs it"
        );
        let dir = WorkDir::new("node");
        let mut command = Command::new(find_program("node"));
        command.arg(root.join("tests/node").join(script)).args(args).env("NODE_PATH", packages);
        let log = dir.join("node.log");
        let process = Process::start(script, command, b"", &log).expect("node starts");
        let line = process.wait_for_line(STARTUP, |line| line.starts_with(LISTENING));
        let url = line[LISTENING.len()..].trim().to_owned();
        Self { process, url, _dir: dir }
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn port(&self) -> String {
        self.url.rsplit(':').next().expect("the address ends with a port").to_owned()
    }

    /// Stops it without ending it, or lets it go on: SIGSTOP, SIGCONT.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// What it saw so far.
    pub fn seen(&self) -> Vec<Value> {
        let text = self.process.text(Stream::Stdout);
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until it has seen what `is_wanted`.
    #[track_caller]
    pub fn wait_to_see(&self, is_wanted: impl Fn(&Value) -> bool) {
        let parsed = |line: &str| serde_json::from_str(line).is_ok_and(|value| is_wanted(&value));
        self.process.wait_for_line(STARTUP, parsed);
    }

    /// How often it saw this.
    pub fn count(&self, what: &str) -> usize {
        self.seen().iter().filter(|line| line["what"] == what).count()
    }
}
