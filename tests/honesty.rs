//! What must not be passed over: answers that never came, load that was never made, text that is not ours.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::faults::{Scripted, Silent, StallingServer, Step};
use crate::support::{ReferenceServer, Scalectl, WorkDir, scalectl_path};

fn scenario(target: &str, flow: &str) -> String {
    format!("config: {{target: \"{target}\", http: {{timeout: 60s}}}}\nscenarios:\n  - flow:\n{flow}\n")
}

fn run(file: &str, args: &[&str]) -> Scalectl {
    Scalectl::new(["loadtest", "run", "test.yaml"].iter().chain(args)).file("test.yaml", file)
}

fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name} in {report:#}"))
}

#[test]
fn a_server_that_never_answers_does_not_pass() {
    let server = Silent::start();
    let file = scenario(&server.url(), "      - get: /");
    let args = ["--users", "3", "--duration", "500ms", "--ramp", "0s", "--output", "json"];
    let report = run(&file, &args).run().code(Exit::Failed).json();
    assert_eq!(report["failures"][0]["cause"], "unanswered at the end", "{report:#}");
    assert_eq!(row(&report, "GET /")["errors"], 3);
    assert!(row(&report, "GET /")["response"]["p50"].as_u64().unwrap() >= 500_000, "{report:#}");
}

#[test]
fn arrivals_that_never_began_make_the_run_inconclusive() {
    let server = StallingServer::start(Duration::from_millis(1_000), Duration::from_millis(999));
    let file = scenario(&server.url(), "      - get: /");
    let args = ["--arrival-rate", "100", "--users", "1", "--duration", "3s", "--output", "json"];
    let report = run(&file, &args).run().code(Exit::Inconclusive).json();
    let dropped = report["generator"]["droppedArrivals"].as_u64().unwrap();
    let made = row(&report, "GET /")["count"].as_u64().unwrap();
    assert!(dropped > 200 && dropped + made == 300, "{dropped} dropped, {made} made: {report:#}");
}

#[test]
fn an_arrival_rate_that_rises_from_nothing_makes_every_arrival() {
    let server = ReferenceServer::start();
    let file = scenario(server.url(), "      - get: /health");
    let args = ["--arrival-rate", "20", "--ramp", "1s", "--duration", "2s", "--output", "json"];
    let report = run(&file, &args).run().code(Exit::Done).stderr(str![""]).json();
    assert_eq!(row(&report, "GET /health")["count"], 30, "{report:#}");
}

#[test]
fn an_event_that_never_comes_is_an_error() {
    let server = Scripted::start(vec![Scripted::socketio(vec![Step::Hold])]);
    let file = format!(
        "config: {{target: \"{}\"}}\nscenarios:\n  - engine: socketio\n    flow:\n      - receive: {{event: never, timeout: 100ms}}\n",
        server.url()
    );
    let report = run(&file, &["--duration", "1s", "--output", "json"]).run().code(Exit::Failed).json();
    assert_eq!(report["failures"][0]["cause"], "event timeout", "{report:#}");
}

#[test]
fn users_leave_when_the_level_falls_in_the_middle_of_what_they_do() {
    let server = ReferenceServer::start();
    let file = format!(
        "config:\n  target: \"{}\"\n  phases: [{{duration: 1, users: 8}}, {{duration: 1, users: 1}}]\nscenarios:\n  - flow:\n      - loop: [{{get: /health}}, {{think: 100ms}}]\n        count: 1000000\n",
        server.url()
    );
    let report = run(&file, &["--output", "json"]).run().code(Exit::Done).json();
    let count = row(&report, "GET /health")["count"].as_u64().unwrap();
    assert!((60..=100).contains(&count), "8 users for 1 s and 1 for 1 s, ten a second each: {count}");
}

#[test]
fn a_first_frame_of_megabytes_is_named_and_not_printed() {
    let server = Scripted::start(vec![vec![Step::Upgrade, Step::Binary(vec![7; 4 << 20]), Step::Hold]]);
    let started = Instant::now();
    let output = Scalectl::new(["health", &format!("socketio+{}", server.url())]).run();
    assert!(started.elapsed() < Duration::from_secs(10));
    output.stdout_has("4194304 binary");
    assert!(output.stdout.len() < 2_000, "{} bytes", output.stdout.len());
}

#[test]
fn a_waiting_health_check_can_be_interrupted() {
    let server = Silent::start();
    let args = ["health", "--wait", "60s", "--timeout", "20s", &server.url()];
    let running = Scalectl::new(args).spawn();
    crate::support::wait_until("the probe has begun", Duration::from_secs(10), || server.accepted() > 0);
    let interrupted = Instant::now();
    running.signal(Signal::INT);
    running.wait(Duration::from_secs(20)).code(Exit::Interrupted);
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{:?}", interrupted.elapsed());
}

#[test]
fn what_a_server_says_does_not_steer_the_terminal_and_its_secrets_are_masked() {
    let body = "{\"token\":\"eyJhbGciOi\",\"note\":\"\\u001b[2J\"}";
    let raw = "HTTP/1.1 500 Oh\r\ncontent-length: 5\r\n\r\n\u{1b}[2Jx";
    let json = format!("HTTP/1.1 401 No\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for answer in [raw.to_owned(), json] {
        let server = Scripted::start(vec![vec![Step::Head, Step::Bytes(answer.into_bytes()), Step::Hold]]);
        let file = scenario(&server.url(), "      - get: {url: /, timeout: 300ms}");
        let output = run(&file, &["--duration", "500ms"]).run();
        output.code(Exit::Failed);
        assert!(!output.stdout.contains('\u{1b}') && !output.stdout.contains("eyJ"), "{}", output.report());
    }
}

#[test]
fn credentials_in_a_target_are_refused_without_repeating_them() {
    let file = scenario("http://127.0.0.1:1", "      - get: /");
    let output = run(&file, &["--target", "http://ada:sekret@127.0.0.1:1"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: test.yaml: target `http://ada:***@127.0.0.1:[PORT]` carries credentials; send them in `headers`

"#]]);
    let output = run(&file, &["--target", "http://127.0.0.1:1/base"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: test.yaml: target `http://127.0.0.1:[PORT]/base` has a path; it belongs into the `url` of each step

"#]]);
}

#[test]
fn results_that_cannot_be_written_are_no_success() {
    let dir = WorkDir::new("full");
    dir.write("test.yaml", scenario("http://127.0.0.1:1", "      - get: /"));
    let script = format!("{} loadtest validate test.yaml > /dev/full", scalectl_path().display());
    let output = Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(Exit::Inconclusive.code().into()));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.starts_with("error: the results could not be written: No space left"), "{words}");
}

#[test]
fn a_file_without_an_end_is_refused() {
    let output = Scalectl::new(["loadtest", "validate", "/dev/zero"]).run();
    output.code(Exit::Usage).stdout(str![""]);
}

#[test]
fn odd_files_are_refused_with_a_place() {
    for (file, words) in [
        ("", "the file must be a mapping, found nothing"),
        ("config: {target: 'http://a'}\nconfig: {}\n", "duplicate"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("config: {target: 'http://a'}\nscenarios: []\n", "`scenarios`"),
        (
            "config: {target: 'http://a', phases: [{duration: 0, users: 1}]}\nscenarios: [{flow: [{get: /}]}]\n",
            "duration",
        ),
        (
            "config: {target: 'http://a', phases: [{duration: 1, users: 0}]}\nscenarios: [{flow: [{get: /}]}]\n",
            "never start a user",
        ),
        ("config: {target: 'http://a'}\nscenarios: [{weight: 0, flow: [{get: /}]}]\n", "`weight`"),
    ] {
        let output = run(file, &[]).run();
        output.code(Exit::Usage).stdout(str![""]).stderr_has(words);
    }
}
