//! The test suites of the protocols' own projects, item by item, from the client's side.
//!
//! Both suites (Engine.IO v4: `socketio/engine.io-protocol`, Socket.IO v5: `socketio/socket.io-protocol`, the file
//! `test-suite/test-suite.js` of each) are clients that try a server. Here the server is the Socket.IO project's own
//! and the client is tried: where an item sends what a server has to accept, scalectl sends it and the server tells
//! that it got it; where an item sends what a server has to refuse, the request is changed on its way and scalectl has
//! to tell the refusal, or the server sends the like and scalectl has to refuse it. [`items`] says which test is an
//! item's counterpart, and that no item is without one.

mod engine;
mod items;
mod socket;

use std::time::Duration;

use scalectl::Exit;
use serde_json::{Value, json};

use crate::support::{NodeServer, Running, Scalectl};

/// How long a run may take that has to come to its end by itself.
const PATIENCE: Duration = Duration::from_secs(40);

/// What stands between the packets of a payload.
const SEPARATOR: &str = "\u{1e}";

/// A server that tells every request and packet; `protocol` are the settings of `tests/node/protocol.js`.
#[track_caller]
fn server(options: &Value, protocol: &Value) -> NodeServer {
    NodeServer::socketio(&json!({"options": options, "protocol": protocol}))
}

/// One user that goes through `flow` once on the transport `way`.
fn user(server: &NodeServer, way: &str, flow: &str) -> Scalectl {
    let file = format!(
        "config:\n  target: \"{}\"\n  socketio: {{timeout: 10s, transport: {way}}}\nscenarios:\n  - engine: socketio\n    flow:\n{}",
        server.url(),
        flow.lines().map(|line| format!("      {line}\n")).collect::<String>()
    );
    let args = "loadtest run test.yaml --users 1 --iterations 1 --duration 30s --ramp 0s --output json";
    Scalectl::new(args.split(" ")).file("test.yaml", file)
}

/// A user whose run must go well; the report.
#[track_caller]
fn passes(server: &NodeServer, way: &str, flow: &str) -> Value {
    let report = user(server, way, flow).run().code(Exit::Done).json();
    assert_eq!(report["failures"], json!([]), "{way}: {report:#}");
    report
}

/// A user whose run must fail in one way; row and cause of the failure, and what it quotes.
#[track_caller]
fn fails(server: &NodeServer, way: &str, flow: &str) -> (String, String) {
    let report = user(server, way, flow).run().code(Exit::Failed).json();
    failure(&report)
}

#[track_caller]
fn failure(report: &Value) -> (String, String) {
    let failures = report["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{report:#}");
    let word = |key: &str| failures[0][key].as_str().unwrap_or_default();
    (format!("{}: {}", word("row"), word("cause")), word("sample").to_owned())
}

/// The end of a user that was left running.
#[track_caller]
fn failure_of(running: Running) -> (String, String) {
    failure(&running.wait(PATIENCE).json())
}

/// What the server has seen of that kind, in order: its member `key`.
fn told(server: &NodeServer, what: &str, key: &str) -> Vec<Value> {
    server.seen().iter().filter(|line| line["what"] == what).map(|line| line[key].clone()).collect()
}

/// The messages that the server got, by their text or their bytes.
fn got(server: &NodeServer) -> Vec<Value> {
    messages(server, "got")
}

/// The messages that the server sent.
fn sent(server: &NodeServer) -> Vec<Value> {
    messages(server, "sent")
}

fn messages(server: &NodeServer, what: &str) -> Vec<Value> {
    let seen = server.seen().into_iter();
    let messages = seen.filter(|line| line["what"] == what && line["type"] == "message");
    messages.map(|line| line["data"].clone()).collect()
}

/// Waits until the server has closed the session, and gives its reason.
#[track_caller]
fn closed(server: &NodeServer) -> String {
    server.wait_to_see(|line| line["what"] == "close");
    told(server, "close", "reason")[0].as_str().unwrap().to_owned()
}

/// The requests that came after the server had seen `what` (or all, for what it never saw).
fn requests_after(server: &NodeServer, what: &str) -> Vec<Value> {
    let seen = server.seen();
    let from = seen.iter().position(|line| line["what"] == what).unwrap_or_default();
    seen[from..].iter().filter(|line| line["what"] == "request").cloned().collect()
}

/// `parts` stand in `whole` in that order, one directly after the other.
#[track_caller]
fn holds(whole: &[Value], parts: &[Value]) {
    assert!(whole.windows(parts.len()).any(|window| window == parts), "{parts:#?} is not in {whole:#?}");
}
