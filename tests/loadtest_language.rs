//! The scenario language beyond single requests: chance that repeats, rows for one only, requests at once.

use std::collections::BTreeSet;

use scalectl::Exit;
use serde_json::Value;

use crate::support::Scalectl;
use crate::support::faults::{Answering, FaultServer};

fn run(server: &FaultServer, file: &str, args: &[&str]) -> Scalectl {
    let file = file.replace("TARGET", &server.url());
    Scalectl::new(["loadtest", "run", "test.yaml", "--output", "json"].iter().chain(args))
        .file("test.yaml", file)
}

#[track_caller]
fn without_failures(report: &Value) {
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
}

/// Everything that a scenario can leave to chance.
const CHANCE: &str = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 20, duration: 1}]
  variables: {mood: [good, bad, odd]}
  payload: {path: rows.csv}
scenarios:
  - weight: 2
    flow:
      - think: 1ms-20ms
      - post:
          url: /a
          json:
            - "{{ $user }} {{ mood }} {{ row }} {{ $randomNumber(1, 1000) }} {{ $randomString(8) }} {{ $uuid }}"
            - "{{ $randomHex(6) }} {{ $randomItem(['a', 'b', 'c']) }} {{ $name }} {{ $email() }} {{ $sentence(5) }}"
  - flow: [{get: "/b/{{ $username }}/{{ $randomInt(0, 9) }}"}]
"#;

fn requests(seed: &str) -> Vec<String> {
    let server = Answering::json("{}");
    let rows: String = (0..100).map(|row| format!("row{row}\n")).collect();
    let run = run(&server, CHANCE, &["--seed", seed]).file("rows.csv", format!("row\n{rows}"));
    let report = run.run().code(Exit::Done).json();
    assert_eq!(report["seed"].to_string(), seed);
    let mut received = server.received();
    received.sort();
    received
}

#[test]
fn two_runs_with_one_seed_send_the_same_requests() {
    let first = requests("42");
    assert_eq!(first.len(), 20);
    assert_eq!(first, requests("42"));
    assert_ne!(first, requests("43"));
}

#[test]
fn a_unique_row_is_used_once_and_the_run_ends_when_all_are() {
    let server = Answering::json("{}");
    let file = r#"
config:
  target: TARGET
  phases: [{users: 3, duration: 30s}]
  payload: {path: rows.jsonl, order: unique}
scenarios: [{flow: [{get: "/{{ n }}"}]}]
"#;
    let rows: String = (0..25).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let report = run(&server, file, &[]).file("rows.jsonl", rows).run().code(Exit::Done).json();
    without_failures(&report);
    assert!(report["durationSeconds"].as_f64().unwrap() < 20.0, "{report:#}");
    assert_eq!(report["notes"][0], "rows.jsonl had no row left: whoever needed one stopped");
    let received = server.received();
    assert_eq!((received.len(), received.iter().collect::<BTreeSet<_>>().len()), (25, 25));
}

#[test]
fn a_row_may_be_a_users_own() {
    let server = Answering::json("{}");
    let file = r#"
config:
  target: TARGET
  phases: [{users: 3, duration: 500ms}]
  payload: {path: rows.json, order: unique, per: user}
scenarios: [{flow: [{get: "/{{ $user }}/{{ name }}"}, {think: 50ms}]}]
"#;
    let rows = r#"[{"name": "ada"}, {"name": "bob"}, {"name": "cyd"}]"#;
    without_failures(&run(&server, file, &[]).file("rows.json", rows).run().code(Exit::Done).json());
    let received: BTreeSet<String> = server.received().into_iter().collect();
    assert_eq!(received.into_iter().collect::<Vec<_>>(), ["GET /1/ada", "GET /2/bob", "GET /3/cyd"]);
}

#[test]
fn requests_at_once_have_connections_of_their_own() {
    let server = Answering::json(r#"{"id": 5}"#);
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 1, duration: 1}]
scenarios:
  - tags: {area: shop}
    flow:
      - parallel:
          - get: {url: /1, capture: {json: $.id, as: one}}
          - get: /2
          - get: /3
          - get: /4
          - get: /5
        atOnce: 3
        tags: {page: start}
      - get: {url: "/then/{{ one }}", name: then}
"#;
    let report = run(&server, file, &[]).run().code(Exit::Done).json();
    without_failures(&report);
    // One connection looks whether the target is there, three are the user's.
    assert_eq!(server.accepted(), 4);
    let received = server.received();
    assert_eq!((received.len(), received.last().unwrap().as_str()), (6, "GET /then/5"));
    let tags = |name: &str| {
        let row = report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        row["tags"].to_string()
    };
    assert_eq!(tags("GET /1"), r#"{"area":"shop","page":"start"}"#);
    assert_eq!(tags("then"), r#"{"area":"shop"}"#);
}

#[test]
fn a_failure_among_requests_at_once_is_counted_with_the_others() {
    let server = Answering::start(|asked| {
        let status = if asked.line == "GET /2" { 500 } else { 200 };
        (status, String::new(), String::new())
    });
    let file = r#"
config: {target: TARGET, phases: [{arrivalCount: 1, duration: 1}]}
scenarios: [{flow: [{parallel: [{get: /1}, {get: /2}, {get: /3}]}, {get: /never}]}]
"#;
    let report = run(&server, file, &[]).run().code(Exit::Failed).json();
    assert_eq!((&report["total"]["count"], &report["total"]["errors"]), (&3.into(), &1.into()), "{report:#}");
}

#[test]
fn a_part_that_is_not_there_fails_the_step_and_is_false_as_a_condition() {
    let server = Answering::json(r#"{"user": {"id": 1}}"#);
    let file = r#"
config: {target: TARGET, phases: [{arrivalCount: 1, duration: 1}]}
scenarios:
  - flow:
      - get: {url: /, capture: {json: $.user, as: user}}
      - if: user.name
        then: [{get: /named}]
        else: [{get: /nameless}]
      - get: "/{{ user.name }}"
"#;
    let report = run(&server, file, &[]).run().code(Exit::Failed).json();
    assert_eq!(server.received(), ["GET /", "GET /nameless"]);
    assert_eq!(report["failures"][0]["sample"], "expression `user.name` has no value");
}
