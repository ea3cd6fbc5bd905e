//! Servers that a demo starts as processes of their own, and stops.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::DemoError;

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// What `scalectl serve` says once it accepts connections.
const LISTENING: &str = "listening on ";
/// Programs that speak MongoDB's protocol, the real one first.
const MONGODB_PROGRAMS: [&str; 2] = ["mongod", "secantusd-rs"];

/// A running server. Killed when dropped; [`Service::stop`] is the friendlier end.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    url: String,
    child: Child,
}

impl Service {
    /// `scalectl serve` on a free port, once it accepts connections.
    pub async fn reference_server(folder: &Path) -> Result<Self, DemoError> {
        let failed = |error: std::io::Error| DemoError::Server(error.to_string());
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("store"));
        let mut child = spawn(&mut command, folder, "reference-server", Stdio::piped()).map_err(failed)?;
        let url = tokio::time::timeout(START_TIMEOUT, announced_url(&mut child)).await.ok().flatten();
        match url {
            Some(url) => Ok(Self { name: "reference server", url, child }),
            None => {
                let log = std::fs::read_to_string(log_path(folder, "reference-server")).unwrap_or_default();
                Err(DemoError::Server(log.trim().to_owned()))
            }
        }
    }

    /// Redis on a free port, or why there is none.
    pub fn redis(folder: &Path) -> Result<Self, String> {
        let program = find(&["redis-server"]).ok_or("redis-server is not installed")?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string());
        command.arg("--dir").arg(folder);
        Self::launch("redis", format!("redis://127.0.0.1:{port}"), &mut command, folder)
    }

    /// A MongoDB server on a free port, or why there is none.
    pub fn mongodb(folder: &Path) -> Result<Self, String> {
        let program =
            find(&MONGODB_PROGRAMS).ok_or("no MongoDB server (mongod, secantusd-rs) is installed")?;
        let (port, data) = (free_port()?, folder.join("mongodb"));
        std::fs::create_dir_all(&data).map_err(|error| format!("mongodb: {error}"))?;
        let is_mongod = program.ends_with(MONGODB_PROGRAMS[0]);
        let mut command = Command::new(program);
        command.arg("--port").arg(port.to_string());
        command.arg(if is_mongod { "--dbpath" } else { "--storage-path" }).arg(data);
        Self::launch("mongodb", format!("mongodb://127.0.0.1:{port}"), &mut command, folder)
    }

    fn launch(name: &'static str, url: String, command: &mut Command, folder: &Path) -> Result<Self, String> {
        let child =
            spawn(command, folder, name, Stdio::null()).map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { name, url, child })
    }

    /// What it is.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `health` is to ask.
    pub fn health_targets(&self) -> Vec<String> {
        match self.name {
            "reference server" => {
                vec![
                    format!("{}/health", self.url),
                    format!("{}/ready", self.url),
                    format!("socketio+{}", self.url),
                ]
            }
            _ => vec![self.url.clone()],
        }
    }

    /// Asks it to end, and ends it when it does not.
    pub async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).ok();
        }
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.child.kill().await.ok();
        }
    }
}

/// In a process group of its own: Ctrl-C is for scalectl, which then ends its servers in order.
fn spawn(command: &mut Command, folder: &Path, name: &str, stdout: Stdio) -> std::io::Result<Child> {
    let log = std::fs::File::create(log_path(folder, name))?;
    command.stdin(Stdio::null()).stdout(stdout).stderr(log).process_group(0).kill_on_drop(true).spawn()
}

fn log_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

async fn announced_url(child: &mut Child) -> Option<String> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(url) = line.strip_prefix(LISTENING) {
            return Some(url.to_owned());
        }
    }
    None
}

/// The first of `programs` that is under `.tools/bin` or on PATH.
fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        [PathBuf::from(".tools/bin")].into_iter().chain(std::env::split_paths(&path)).collect();
    programs
        .iter()
        .find_map(|program| folders.iter().map(|folder| folder.join(program)).find(|path| path.is_file()))
}

/// A port that was free a moment ago; the programs cannot be told to take any.
fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}
