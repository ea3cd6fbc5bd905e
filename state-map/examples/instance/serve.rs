//! Answers one connection, a line after the other.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::json;
use state_map::Change;
use tokio::runtime::Handle;

use crate::app::{App, appended};
use crate::protocol::{Answer, Request};

/// Serves until the peer closes. A connection that fails is the peer's business.
pub fn serve(connection: &TcpStream, app: &App, runtime: &Handle) {
    let mut lines = BufReader::new(connection);
    while let Ok(Some(request)) = receive(&mut lines) {
        let answer = match request {
            Request::SlowAppend { key, item } => slow_append(&mut lines, app, runtime, &key, item),
            request => runtime.block_on(app.answer(request)),
        };
        if send(connection, &answer).is_err() {
            return;
        }
    }
}

fn receive(lines: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if lines.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

fn send(mut connection: &TcpStream, answer: &Answer) -> io::Result<()> {
    connection.write_all(format!("{}\n", json!(answer)).as_bytes())
}

/// Appends with a stop between reading and writing: once, also when another process is faster.
fn slow_append(
    lines: &mut BufReader<&TcpStream>,
    app: &App,
    runtime: &Handle,
    key: &str,
    item: u64,
) -> Answer {
    let mut has_stopped = false;
    let change = |list: Option<&Vec<u64>>| {
        if !has_stopped {
            has_stopped = true;
            // A peer that is gone lets it go on.
            let _ = send(lines.get_ref(), &Answer::Paused).and_then(|()| receive(lines));
        }
        (Change::Set(appended(list, item), None), list.cloned())
    };
    runtime.block_on(app.lists.update(key, change)).into()
}
