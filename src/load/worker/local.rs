//! Workers that are processes of this machine: children that are told over stdin and tell over stdout.

use std::process::Stdio;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::lead::WorkerError;
use super::message::{Order, Report};
use super::{Said, Word, Worker};
use crate::program::own_program;

/// The command that makes a process a worker; for the lead alone.
pub const COMMAND: &str = "load-worker";
/// Orders, or reports, that wait to be written.
const WAITING: usize = 64;

/// Starts this many workers with so many threads each, and whatever they say comes out of the channel.
pub fn spawn(count: usize, threads: usize) -> Result<(Vec<Worker>, mpsc::Receiver<Said>), WorkerError> {
    let (tell, said) = mpsc::channel(WAITING);
    let mut workers = Vec::with_capacity(count);
    for index in 0..count {
        let child = command(threads).spawn();
        let child = child.map_err(|error| {
            WorkerError::NotStarted(format!("worker {} could not be started: {error}", index + 1))
        })?;
        let name = format!("worker {} (process {})", index + 1, child.id().unwrap_or_default());
        let (orders, to_tell) = mpsc::channel(WAITING);
        tokio::spawn(attend(child, index, to_tell, tell.clone()));
        workers.push(Worker { name, orders });
    }
    Ok((workers, said))
}

/// In a process group of its own: Ctrl-C is for the lead, which tells its workers.
fn command(threads: usize) -> Command {
    let mut command = Command::new(own_program());
    command
        .arg0("scalectl")
        .arg(COMMAND)
        .env("TOKIO_WORKER_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Passes orders and reports on until the process has ended, however that comes.
async fn attend(mut child: Child, worker: usize, orders: mpsc::Receiver<Order>, said: mpsc::Sender<Said>) {
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { return };
    let writing = tokio::spawn(write(orders, stdin));
    let mut lines = BufReader::new(stdout).lines();
    while let Some(report) = next(&mut lines).await {
        said.send(Said { worker, word: Word::Report(report) }).await.ok();
    }
    writing.abort();
    let ended = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
    said.send(Said { worker, word: Word::Gone(ended) }).await.ok();
}

/// The worker's own side: orders from stdin, reports to stdout.
pub fn stdio() -> (mpsc::Receiver<Order>, mpsc::Sender<Report>, tokio::task::JoinHandle<()>) {
    let (give, orders) = mpsc::channel(WAITING);
    let (reports, take) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(order) = next(&mut lines).await {
            if give.send(order).await.is_err() {
                break;
            }
        }
    });
    (orders, reports, tokio::spawn(write(take, tokio::io::stdout())))
}

async fn next<T: DeserializeOwned>(
    lines: &mut tokio::io::Lines<BufReader<impl AsyncRead + Unpin>>,
) -> Option<T> {
    let line = lines.next_line().await.ok().flatten()?;
    serde_json::from_str(&line).ok()
}

async fn write(mut messages: mpsc::Receiver<impl Serialize>, mut to: impl AsyncWrite + Unpin) {
    while let Some(message) = messages.recv().await {
        let mut line = serde_json::to_vec(&message).unwrap_or_default();
        line.push(b'\n');
        if to.write_all(&line).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}
