//! `scalectl loadtest run`: what it measures, how it judges, how it ends.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::faults::{FaultServer, HangUp, Scripted, Silent, StallingServer, Step};
use crate::support::{ReferenceServer, Scalectl, WorkDir, with_file_limit};

/// A scenario with one request, and what more belongs into its file.
fn scenario(target: &str, flow: &str, more: &str) -> String {
    format!("config: {{target: \"{target}\"}}\nscenarios:\n  - flow:\n{flow}\n{more}")
}

fn run(file: &str, args: &[&str]) -> Scalectl {
    Scalectl::new(["loadtest", "run", "test.yaml"].iter().chain(args)).file("test.yaml", file)
}

/// A server that answers every connection's first request so.
fn answering(answer: &str) -> FaultServer {
    let answer = format!("HTTP/1.1 {answer}");
    Scripted::start(vec![vec![Step::Head, Step::Bytes(answer.into_bytes()), Step::Hold]])
}

fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name} in {report:#}"))
}

/// With five users the pool is busy during a stall: the arrivals wait, and the wait counts.
#[test]
fn arrivals_that_wait_for_a_free_user_count_their_wait() {
    let server = StallingServer::start(Duration::from_secs(5), Duration::from_secs(1));
    let file = scenario(&server.url(), "      - get: /", "");
    let args = ["--arrival-rate", "200", "--users", "5", "--duration", "10s", "--output", "json"];
    let report = run(&file, &args).run().code(Exit::Done).json();
    let row = row(&report, "GET /");
    let p99 = |kind: &str| row[kind]["p99"].as_u64().unwrap();
    assert!(p99("response") >= 800_000, "{report:#}");
    assert!(p99("service") < 100_000, "{report:#}");
    assert!(report["generator"]["lateStarts"].as_u64().unwrap() > 0, "{report:#}");
}

#[test]
fn a_missed_threshold_is_exit_1_and_says_what_was_measured() {
    let server = ReferenceServer::start();
    let slo = "slo:\n  - rate > 1000000/s\n  - errors < 50%\n";
    let file = scenario(server.url(), "      - get: /health\n      - think: 100ms", slo);
    let output = run(&file, &["--users", "2", "--duration", "1s", "--ramp", "0s"]);
    let output = output.hide_times().hide_matches(r"\d+ iterations, seed \d+", "[N] iterations");
    let output = output.hide_matches(r"\nnote: this machine was short of CPU[^\n]*\n", "");
    let output = output.hide_matches(r"measured: [0-9.]+/s", "measured: [RATE]");
    let output = output.hide_matches(r"(?m)^(GET|all|STEP).*", "[ROW]").run();
    output.code(Exit::Failed).stderr(str![""]).stdout(str![[r#"
test.yaml against http://127.0.0.1:[PORT]: 2 users, [TIME], [N] iterations

[ROW]
[ROW]
[ROW]

Thresholds
  FAILED  rate > 1000000/s  (measured: [RATE])
  passed  errors < 50%  (measured: 0.00%)

FAILED: 1 of 2 thresholds missed

"#]]);
}

#[test]
fn a_threshold_that_nothing_was_measured_for_is_inconclusive() {
    let server = ReferenceServer::start();
    let flow = "      - get: /health\n      - if: 1 == 2\n        then:\n          - get: /ready";
    let file = scenario(server.url(), flow, "slo:\n  - p95 of \"GET /ready\" < 1s\n");
    let output = run(&file, &["--duration", "300ms"]).run();
    output.code(Exit::Inconclusive).stdout_has("INCONCLUSIVE: nothing was measured that a threshold needs");
}

#[test]
fn failures_are_counted_by_cause_with_the_first_case() {
    let server = ReferenceServer::start();
    let flow =
        "      - get: {url: /api/users/nobody, capture: {json: $.token, as: token}}\n      - get: /health";
    let file = scenario(server.url(), flow, "");
    let report = run(&file, &["--duration", "500ms", "--output", "json"]).run().code(Exit::Failed).json();
    let failure = &report["failures"][0];
    assert_eq!(
        (failure["row"].as_str(), failure["cause"].as_str()),
        (Some("GET /api/users/nobody"), Some("HTTP 401"))
    );
    assert!(failure["sample"].as_str().unwrap().contains("bad_token"), "{failure:#}");
    assert_eq!(row(&report, "GET /health")["count"], 0, "later steps build on the failed one");
}

#[test]
fn a_target_that_cannot_be_reached_is_exit_69_before_anything_is_sent() {
    let file = scenario("http://127.0.0.1:1", "      - get: /", "");
    let output = run(&file, &["--users", "5"]).run();
    output.code(Exit::Unreachable).stdout(str![""]).stderr(str![[r#"
error: http://127.0.0.1:[PORT] cannot be reached: connection refused

"#]]);
}

#[test]
fn load_on_another_host_has_to_be_allowed() {
    let file = scenario("http://192.0.2.1", "      - get: /", "");
    let output = run(&file, &["--users", "5"]).run();
    output.code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: load on 192.0.2.1 was not allowed; if the host is yours to load, add --allow-host 192.0.2.1, or list it under `load` of its environment in scalectl.yaml

"#]]);
}

/// Where `scalectl.yaml` says what the target is.
fn environments(url: &str) -> String {
    format!(
        "environments:\n  live:\n    production: true\n    app: [{{url: \"{url}\"}}]\n  lab:\n    load: [192.0.2.7]\n"
    )
}

#[test]
fn production_is_loaded_by_its_name_only() {
    let server = ReferenceServer::start();
    let file = scenario(server.url(), "      - get: /health", "");
    let run = |args: &[&str]| {
        let args = [&["--users", "1", "--duration", "200ms"][..], args].concat();
        run(&file, &args).file("scalectl.yaml", environments(server.url())).run()
    };
    let unconfirmed = run(&[]);
    unconfirmed.code(Exit::Refused).stdout(str![""]);
    unconfirmed.stderr_has("127.0.0.1 belongs to live, which is production: confirm with --production live");
    run(&["--production", "lab"]).code(Exit::Refused).stderr_has("--production names lab");
    run(&["--production", "live"]).code(Exit::Done);
}

#[test]
fn hosts_that_the_file_lists_may_be_loaded() {
    let listed = scenario("http://192.0.2.7:9", "      - get: /", "");
    let args = ["--users", "1", "--duration", "1s"];
    let output = run(&listed, &args).file("scalectl.yaml", environments("http://10.0.0.1")).run();
    // It is let through, and then found not to be there.
    output.code(Exit::Unreachable).stderr_has("http://192.0.2.7:9 cannot be reached");
}

#[test]
fn every_user_goes_through_its_scenario_as_often_as_it_is_told() {
    let server = ReferenceServer::start();
    let file = scenario(server.url(), "      - get: /health", "");
    let args = ["--users", "7", "--iterations", "3", "--duration", "1m", "--output", "json"];
    let report = run(&file, &args).run().code(Exit::Done).json();
    assert_eq!((&report["iterations"], &row(&report, "GET /health")["count"]), (&21.into(), &21.into()));
    assert!(report["durationSeconds"].as_f64().unwrap() < 30.0, "it ends with the last of them");
}

#[test]
fn a_named_course_has_phases_that_thresholds_can_be_about() {
    let server = ReferenceServer::start();
    let slo = "slo:\n  - {check: 'count < 30', during: before}\n  - {check: 'rate > 40/s', during: spike}\n";
    let file = scenario(server.url(), "      - get: /health", slo);
    let args = ["--arrival-rate", "50", "--shape", "spike", "--duration", "10s"];
    let output = run(&file, &args).run();
    output
        .code(Exit::Done)
        .stdout_has("passed  count < 30 during before")
        .stdout_has("passed  rate > 40/s during spike");
    let unknown =
        scenario(server.url(), "      - get: /health", "slo: [{check: 'count > 1', during: spice}]\n");
    let output = run(&unknown, &args).run();
    output.code(Exit::Usage).stderr_has("no phase is called `spice`").stderr_has("did you mean `spike`?");
}

/// The server stands still from the fourth second on: waiting for the end of the run would tell nobody anything.
#[test]
fn a_run_ends_when_a_stretch_of_it_misses_its_threshold() {
    let server = StallingServer::start(Duration::from_secs(600), Duration::from_secs(596));
    let slo = "slo:\n  - {check: 'errors < 10%', over: 2s, warmup: 1s, abort: true}\n";
    let file = format!(
        "config: {{target: \"{}\", http: {{timeout: 1s}}}}\nscenarios: [{{flow: [get: /]}}]\n{slo}",
        server.url()
    );
    let output = run(&file, &["--arrival-rate", "100", "--duration", "5m"]).run();
    output
        .code(Exit::Failed)
        .stdout_has("FAILED  errors < 10% over any 2s")
        .stdout_has("which ended the run");
    assert!(output.took < Duration::from_secs(60), "{:?}", output.took);
}

#[test]
fn more_users_than_descriptors_are_refused_with_the_number_that_would_do() {
    let dir = WorkDir::new("limits");
    dir.write("test.yaml", scenario("http://127.0.0.1:1", "      - get: /", ""));
    let output = with_file_limit(200, "loadtest run test.yaml --users 500 --workers 1", &dir);
    assert_eq!(output.status.code(), Some(Exit::Usage.code().into()));
    snapbox::assert_data_eq!(
        String::from_utf8_lossy(&output.stderr).into_owned(),
        str![[r#"
error: this machine is too small for 500 users:
  each of 1 processes would hold 500 users, and may open 200 files: use --workers 4 or more, or raise `ulimit -n`

"#]]
    );
}

#[test]
fn zero_users_are_a_usage_error() {
    let file = scenario("http://127.0.0.1:1", "      - get: /", "");
    let output = run(&file, &["--users", "0"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: invalid value '0' for '--users <N>': 0 is not in 1..=1000000

For more information, try '--help'.

"#]]);
}

#[test]
fn an_interrupt_ends_within_two_seconds_with_the_results_so_far() {
    let server = Silent::start();
    let file = scenario(&server.url(), "      - get: /", "");
    let running = run(&file, &["--users", "20", "--duration", "60s", "--ramp", "0s"]).spawn();
    running.wait_for_line(Duration::from_secs(20), |line| line.contains("20 active"));
    let interrupted = Instant::now();
    running.signal(Signal::INT);
    let output = running.wait(Duration::from_secs(20));
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{:?}", interrupted.elapsed());
    output.code(Exit::Interrupted).stdout_has("INTERRUPTED: these are the results so far");
}

#[test]
fn nothing_of_the_user_runner_reaches_the_terminal() {
    let server = ReferenceServer::start();
    let file = scenario(server.url(), "      - get: /health\n      - think: 50ms", "");
    let output = run(&file, &["--users", "10", "--duration", "1s", "--output", "json"]).run();
    output.code(Exit::Done).stderr(str![""]);
    assert_eq!(output.json()["schema"], "scalectl.loadtest/1");
}

#[test]
fn a_request_without_an_answer_times_out_and_its_time_counts() {
    let server = Silent::start();
    let file = scenario(&server.url(), "      - get: {url: /, timeout: 300ms}", "");
    let report = run(&file, &["--duration", "1s", "--output", "json"]).run().code(Exit::Failed).json();
    assert_eq!(report["failures"][0]["cause"], "timeout");
    assert!(row(&report, "GET /")["response"]["p50"].as_u64().unwrap() >= 300_000, "{report:#}");
}

#[test]
fn a_server_that_hangs_up_is_tried_again_after_a_pause_and_not_hammered() {
    let server = HangUp::AfterBytes(1).start();
    let file = scenario(&server.url(), "      - get: /", "");
    run(&file, &["--users", "5", "--duration", "2s", "--ramp", "0s"]).run().code(Exit::Failed);
    assert!(server.accepted() < 40, "{} connections of 5 users in 2 s", server.accepted());
}

#[test]
fn a_malformed_answer_is_a_failure_and_no_panic() {
    for answer in
        ["999 ?\r\n\r\n", "200 OK\r\ncontent-length: 9\r\n\r\nshort", "200 OK\r\ncontent-length: x\r\n\r\n"]
    {
        let server = answering(answer);
        let file = scenario(&server.url(), "      - get: {url: /, timeout: 500ms}", "");
        let output = run(&file, &["--duration", "800ms"]).run();
        output.code(Exit::Failed).stderr(str![""]);
    }
}

#[test]
fn payload_rows_variables_and_captures_reach_the_request() {
    let answer = "200 OK\r\ncontent-length: 16\r\nx-next: n1\r\n\r\n{\"ids\":[\"i1\",2]}";
    let server = Scripted::start(vec![vec![
        Step::Head,
        Step::Bytes(format!("HTTP/1.1 {answer}").into_bytes()),
        Step::Head,
        Step::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()),
        Step::Hold,
    ]]);
    let file = format!(
        r#"
config:
  target: {}
  payload: {{path: people.csv, order: sequence}}
  variables: {{greeting: hello}}
scenarios:
  - flow:
      - post:
          url: "/{{{{ name }}}}/first"
          json: {{text: "{{{{ greeting }}}}", age: "{{{{ age }}}}"}}
          capture:
            - {{json: "$.ids[0]", as: id}}
            - {{header: x-next, as: next}}
      - get: {{url: "/{{{{ id }}}}", qs: {{next: "{{{{ next }}}}"}}, headers: {{x-twice: "{{{{ id ~ id }}}}"}}}}
      - think: 60s
"#,
        server.url()
    );
    let run = run(&file, &["--duration", "1s", "--ramp", "0s"]).file("people.csv", "name,age\nada,36\n");
    run.run().code(Exit::Done);
    let received = server.received().concat();
    assert!(received.starts_with("POST /ada/first HTTP/1.1\r\n"), "{received:?}");
    assert!(
        received.contains("\r\n\r\n{\"text\":\"hello\",\"age\":36}GET /i1?next=n1 HTTP/1.1\r\n"),
        "{received:?}"
    );
    assert!(received.contains("x-twice: i1i1"), "{received:?}");
}

#[test]
fn every_mistake_of_a_scenario_is_named_at_once_and_nothing_is_sent() {
    let file = r#"
config:
  target: http://127.0.0.1:1
  payload: {path: ragged.csv}
  processor: ./functions.js
  phases:
    - duration: 10s
scenarios:
  - flow:
      - get: "/{{ tokn }}"
      - post: {url: /a, json: {a: 1}, body: b, capture: {json: $.token, as: token}}
      - get: {url: health}
      - emit: [hello]
      - think: soon
      - function: later
      - loop: [{think: 1}]
        count: 2
        while: "true"
slo:
  - p95 < 200
"#;
    let output = run(file, &[]).file("ragged.csv", "a,b\n1,2\n3\n").run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: ragged.csv:3: a row of 1 where the rows before have 2
 --> test.yaml:4:19
  |
4 |   payload: {path: ragged.csv}
  |                   ^^^^^^^^^^
error: `processor` names a JavaScript file
 --> test.yaml:5:3
  |
5 |   processor: ./functions.js
  |   ^^^^^^^^^ JavaScript is not run; use variables, captures and expressions
error: a phase needs one of `users`, `arrivalRate`, `arrivalCount`
 --> test.yaml:7:7
  |
7 |     - duration: 10s
  |       ^^^^^^^^
error: a request has one of `json`, `form`, `formData`, `body`
  --> test.yaml:11:15
   |
11 |       - post: {url: /a, json: {a: 1}, body: b, capture: {json: $.token, as: token}}
   |               ^^^^
error: `health` must be a path of http://127.0.0.1:[PORT], starting with `/`
  --> test.yaml:12:20
   |
12 |       - get: {url: health}
   |                    ^^^^^^
error: `emit` needs `engine: socketio` on its scenario
  --> test.yaml:13:9
   |
13 |       - emit: [hello]
   |         ^^^^
error: `soon` is no duration; write 500ms, 30s, 2m or 1h
  --> test.yaml:14:16
   |
14 |       - think: soon
   |                ^^^^
error: `function` calls JavaScript
  --> test.yaml:15:9
   |
15 |       - function: later
   |         ^^^^^^^^ JavaScript is not run; use variables, captures and expressions
error: `loop` takes one of `count`, `over`, `while`
  --> test.yaml:16:9
   |
16 |       - loop: [{think: 1}]
   |         ^^^^
error: a response time needs a unit: us, ms, s
  --> test.yaml:20:5
   |
20 |   - p95 < 200
   |     ^^^^^^^^^ write it like `p95 < 200ms`, `errors < 0.1%`, `rate > 100/s` or `p99 of "GET /" < 1s`

"#]]);
}

#[test]
fn unknown_keys_and_wrong_types_are_named_with_their_place() {
    let file = "config:\n  tarjet: http://a\n  http: {timeout: 5 apples}\nscenarios:\n  - engine: htpp\n    weight: many\n    flow:\n      - gte: /\n";
    let output = run(file, &[]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: unknown key `tarjet`
 --> test.yaml:2:3
  |
2 |   tarjet: http://a
  |   ^^^^^^ did you mean `target`?
error: `timeout`: "5 apples" is no duration; write 500ms, 30s, 2m or 1h
 --> test.yaml:3:19
  |
3 |   http: {timeout: 5 apples}
  |                   ^^^^^^^^
error: `engine` must be one of http, socketio, ws, found "htpp"
 --> test.yaml:5:13
  |
5 |   - engine: htpp
  |             ^^^^ did you mean `http`?
error: `weight` must be a whole number, found "many"
 --> test.yaml:6:13
  |
6 |     weight: many
  |             ^^^^
error: unknown key `gte`
 --> test.yaml:8:9
  |
8 |       - gte: /
  |         ^^^ did you mean `get`?

"#]]);
}

/// A file as Artillery's users have it: ensure, payload, weights, a plug-in, an acknowledged emit beside its step.
#[test]
fn an_artillery_file_runs_as_it_is() {
    let server = ReferenceServer::start();
    let file = format!(
        r#"
config:
  target: "{}"
  phases:
    - duration: 2
      arrivalRate: 5
      rampTo: 10
      name: Warm up
  payload:
    path: "names.csv"
    fields:
      - "name"
  plugins:
    expect: {{}}
    ensure: {{}}
  ensure:
    thresholds:
      - "http.response_time.p99": 30000
    maxErrorRate: 1
  socketio:
    transports: ["websocket"]
scenarios:
  - name: "Guests"
    weight: 3
    flow:
      - post:
          url: "/api/auth/guest"
          json:
            name: "{{{{ name }}}}"
          capture:
            - json: "$.token"
              as: "token"
          expect:
            - statusCode: 201
            - contentType: json
            - hasProperty: user.id
      - get:
          url: "/api/users/me"
          headers:
            authorization: "Bearer {{{{ token }}}}"
          match:
            json: "$.name"
            value: "{{{{ name }}}}"
      - think: 0.1
  - engine: "http"
    flow:
      - loop:
          - get:
              url: "/health"
        count: 2
"#,
        server.url()
    );
    let output = run(&file, &["--output", "json"]).file("names.csv", "ada\nbob\n").run();
    let report = output.code(Exit::Done).json();
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
    assert_eq!(report["iterations"], 15, "2 s at 5 to 10 arrivals a second: {report:#}");
    let counts =
        ["POST /api/auth/guest", "GET /health"].map(|name| row(&report, name)["count"].as_u64().unwrap());
    assert!((10..=12).contains(&counts[0]) && counts[1] == 2 * (15 - counts[0]), "{counts:?}");
    let slos: Vec<_> = report["slo"].as_array().unwrap().iter().map(|slo| slo["slo"].clone()).collect();
    assert_eq!(slos, ["errors <= 1%", "p99 <= 30000ms"]);
}
