//! `scalectl serve`: limits, durability, drain.

use scalectl::{Exit, HealthExit};
use snapbox::str;

use crate::support::{ReferenceServer, Scalectl, WorkDir, with_file_limit};

#[test]
fn a_file_limit_below_what_was_asked_is_refused_at_the_start() {
    let dir = WorkDir::new("limits");
    let output = with_file_limit(200, "serve --listen 127.0.0.1:0 --max-connections 500 --data data", &dir);
    assert_eq!(output.status.code(), Some(Exit::Usage.code().into()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    snapbox::assert_data_eq!(
        String::from_utf8_lossy(&output.stderr).into_owned(),
        str![[r#"
error: 500 connections need 692 file descriptors, but this process may open 200 (RLIMIT_NOFILE): run `ulimit -n 692` first, or allow at most 8 connections

"#]]
    );
    assert!(!dir.join("data").exists(), "nothing was written");
}

#[test]
fn an_address_in_use_is_a_clear_refusal() {
    let server = ReferenceServer::start();
    let output = Scalectl::new(["serve", "--data", "data", "--listen", server.authority()]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: cannot listen on 127.0.0.1:[PORT]: Address already in use (os error 98); choose another with --listen

"#]]);
}

#[test]
fn a_terminated_server_drains_and_says_so() {
    let mut server = ReferenceServer::start();
    server.terminate().code(Exit::Done).stderr(str![[r#"
stopped: 0 connections drained, 0 cut

"#]]);
}

/// What was acknowledged before a kill -9 is there after it: the posts, and the tokens.
#[test]
fn data_survive_a_kill() {
    let mut server = ReferenceServer::start();
    let post = |server: &ReferenceServer, flow: &str| {
        let file = format!(
            "config: {{target: \"{}\"}}\nscenarios:\n  - flow:\n{flow}      - think: 60s\n",
            server.url()
        );
        let args = ["loadtest", "run", "test.yaml", "--duration", "1s", "--ramp", "0s", "-q"];
        Scalectl::new(args).file("test.yaml", file).run().code(Exit::Done);
    };
    let register = "      - post: {url: /api/auth/register, json: {username: ada, email: a@example.org, password: correct-horse}, expect: {statusCode: 201}}\n";
    post(&server, register);
    server.restart();
    let login = "      - post: {url: /api/auth/login, json: {username: ada, password: correct-horse}, expect: {statusCode: 200}}\n";
    post(&server, login);
}

#[test]
fn the_shipped_probes_are_well_and_the_metrics_are_there() {
    let server = ReferenceServer::start();
    let targets = ["health", "ready", "metrics"].map(|path| format!("{}/{path}", server.url()));
    let output = Scalectl::new(["health"]).arg(&targets[0]).arg(&targets[1]).arg(&targets[2]).run();
    output.code(Exit::Health(HealthExit::Ok));
}

/// One request, one id: in the answer, in the problem, in every line of the log, beside the trace of its client.
#[test]
fn a_line_of_the_log_leads_to_its_request() {
    let mut server = ReferenceServer::start_with(&["--log", "debug"]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = ask(
        server.authority(),
        &format!(
            "GET /api/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: find-me\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n\r\n"
        ),
    );
    assert!(answer.contains("x-request-id: find-me\r\n"), "{answer}");
    assert!(answer.contains(r#""requestId":"find-me""#), "{answer}");
    let is_it = |line: &str| line.contains("find-me") && line.contains("status");
    let line = server.running().wait_for_line(std::time::Duration::from_secs(10), is_it);
    let start = line.find('{').expect("the log is JSON");
    let record: serde_json::Value = serde_json::from_str(&line[start..]).unwrap();
    let span = &record["span"];
    assert_eq!((&span["request_id"], &span["trace_id"]), (&"find-me".into(), &trace.into()), "{record}");
    assert_eq!((&span["http.request.method"], &span["http.route"]), (&"GET".into(), &"unmatched".into()));
}

fn ask(authority: &str, request: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
