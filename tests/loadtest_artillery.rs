//! Files as Artillery's users have them: they run unchanged, or are refused with every line and reason.

use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::Scalectl;
use crate::support::faults::{Answer, Answering, Asked, FaultServer};

fn json(status: u16, body: &str) -> Answer {
    (status, "content-type: application/json; charset=utf-8\r\n".to_owned(), body.to_owned())
}

/// An application with accounts, cookies and redirects, as the examples of Artillery speak to.
fn shop() -> FaultServer {
    Answering::start(|asked: &Asked| match asked.line.as_str() {
        "POST /users" => json(201, r#"{"id": 7, "username": "new-user", "role": null}"#),
        "GET /users/7" => json(200, r#"{"id": 7, "username": "new-user"}"#),
        "DELETE /users/7" => (204, String::new(), String::new()),
        "POST /login" => (200, "set-cookie: sid=s1; Path=/\r\n".to_owned(), String::new()),
        "GET /state" => {
            let cookies = asked.header("cookie").unwrap_or_default();
            let state = cookies.split("; ").find_map(|pair| pair.strip_prefix("state=")).unwrap_or("none");
            json(200, &format!(r#"{{"currentState": "{state}"}}"#))
        }
        "GET /old" => (302, "location: /new?from=old\r\n".to_owned(), String::new()),
        "GET /movies" => json(200, r#"[{"id": 1}, {"id": 2}, {"id": 3}]"#),
        "GET /page" => {
            let headers = "content-type: text/html\r\nx-cache: HIT from edge\r\nx-build: b2\r\n";
            (200, headers.to_owned(), "<a href=\"/item/12\">x</a><a href=\"/item/13\">y</a>".to_owned())
        }
        "GET /secret" => match asked.header("authorization") {
            Some("Basic YWRhOmxvdmVsYWNl") => json(200, "{}"),
            _ => (401, String::new(), String::new()),
        },
        line if line.starts_with("GET /missing") => (404, String::new(), String::new()),
        _ => json(200, "{}"),
    })
}

/// Runs a file in which `TARGET` stands for the server.
fn run(server: &FaultServer, file: &str, args: &[&str]) -> Scalectl {
    let file = file.replace("TARGET", &server.url());
    Scalectl::new(["loadtest", "run", "test.yml", "--output", "json"].iter().chain(args))
        .file("test.yml", file)
}

#[track_caller]
fn without_failures(report: &Value) {
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
}

#[test]
fn an_environment_expectations_and_numbers_as_text() {
    let server = shop();
    let file = r#"
config:
  target: "http://127.0.0.1:1"
  environments:
    functional:
      target: TARGET
      phases:
        - arrivalCount: "3"
          duration: 1 second
      plugins:
        expect: {outputFormat: silent, reportFailuresAsErrors: true}
        apdex: {}
    dynamic:
      phases: [{arrivalRate: "{{ $processEnvironment.NOT_SET_ANYWHERE }}", duration: 1}]
  apdex: {threshold: 100}
  http: {timeout: "15", pool: 10}
scenarios:
  - flow:
    - post:
        url: "/users"
        json: {username: "new-user"}
        capture:
          - json: "$.id"
            as: id
        expect:
          - statusCode: 201
          - notStatusCode: [500, "503"]
          - contentType: json
          - hasProperty: username
          - notHasProperty: password
          - equals: ["new-user"]
          - equals: [7, "{{ id }}"]
    - get:
        url: "/users/{{ id }}"
        expect:
          statusCode: ["200", 304]
    - delete:
        url: "/users/{{ id }}"
        expect:
          statusCode: 204
"#;
    let output = run(&server, file, &["--environment", "functional"]).run();
    let report = output.code(Exit::Done).stderr(str![[r#"
note: test.yml:12: `apdex` has no effect: no Apdex score is worked out; write a threshold under `slo`
note: test.yml:15: `apdex` has no effect: no Apdex score is worked out; write a threshold under `slo`
note: test.yml:16: `pool` has no effect: each user has a connection of its own

"#]]);
    without_failures(&report.json());
    assert_eq!(server.received().len(), 9);
}

#[test]
fn without_phases_one_user_goes_through_once() {
    let server = shop();
    let file = "config: {target: TARGET}\nscenarios:\n- flow:\n  - get: {url: /users/7}\n";
    let report = run(&server, file, &[]).run().code(Exit::Done).json();
    assert_eq!((&report["total"]["count"], &report["iterations"]), (&1.into(), &1.into()), "{report:#}");
}

#[test]
fn cookies_redirects_and_conditions() {
    let server = shop();
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 2, duration: 1}]
  variables: {kind: [pony]}
  http: {defaults: {cookie: {lang: en}, think: {jitter: "20%"}}}
scenarios:
  - flow:
      - post: {url: /login, json: {email: "{{ $email }}"}}
      - post: {url: /set-state, cookie: {state: online}}
      - get: {url: /state, match: {json: $.currentState, value: online}}
      - think: 10ms
      - get: {url: /old}
      - get: {url: /old, followRedirect: false, expect: {statusCode: 302}}
      - get: {url: /pony, ifTrue: "kind == 'pony'"}
      - get: {url: /no-pony, ifTrue: "kind != 'pony'"}
      - get: {url: /secret, auth: {user: ada, pass: lovelace}}
      - log: "{{ kind }}"
"#;
    let report = run(&server, file, &[]).run().code(Exit::Done).json();
    without_failures(&report);
    let received = server.received();
    assert_eq!(received.iter().filter(|line| *line == "GET /new?from=old").count(), 2, "{received:?}");
    assert_eq!(received.iter().filter(|line| *line == "GET /pony").count(), 2);
    assert!(!received.iter().any(|line| line == "GET /no-pony"));
}

#[test]
fn captures_of_every_kind() {
    let server = shop();
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 1, duration: 1}]
scenarios:
  - flow:
      - get:
          url: /movies
          capture:
            - {json: "$[{{ $randomNumber(2, 2) }}]", as: chosen}
            - {json: "$[*].id", index: all, as: ids}
            - {json: "$[*].id", index: last, as: last}
            - {json: "$.none", default: nobody, as: nothing}
      - get:
          url: /page
          capture:
            - {regexp: "/ITEM/(\\d+)", flags: i, as: first}
            - {regexp: "/item/(?<n>\\d+)", group: n, index: 1, as: second}
            - {header: x-build, as: build}
          expect:
            - hasHeader: x-build
            - headerEquals: [x-build, b1, b2]
            - cdnHit: true
            - matchesRegexp: "item"
      - post:
          url: /check
          json: ["{{ chosen.id }}", "{{ ids }}", "{{ last }}", "{{ nothing }}", "{{ first }}", "{{ second }}", "{{ build }}"]
"#;
    without_failures(&run(&server, file, &[]).run().code(Exit::Done).json());
    assert_eq!(server.received().last().unwrap(), r#"POST /check [3,[1,2,3],3,"nobody","12","13","b2"]"#);
}

#[test]
fn loops_and_tables() {
    let server = shop();
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 1, duration: 1}]
  payload:
    - {path: table.csv, fields: [url, code], loadAll: true, name: data, skipEmptyLines: true}
  variables: {rounds: 2}
scenarios:
  - flow:
    - loop:
        - get: {url: "{{ $loopElement.url }}", expect: {statusCode: "{{ $loopElement.code }}"}}
      over: data
    - loop: [{get: "/a/{{ $loopCount }}"}]
      count: "2-4"
    - loop: [{get: "/b/{{ $loopElement }}"}]
      count: "{{ rounds }}"
    - loop: [{get: "/c/{{ $loopElement }}"}]
      over: [x, y]
    - think: "{{ 0.01 }}"
    - think: 10 msec
"#;
    let run = run(&server, file, &[]).file("table.csv", "/pony,200\n/missing,404\n");
    without_failures(&run.run().code(Exit::Done).json());
    let expected = ["/pony", "/missing", "/a/2", "/a/3", "/b/0", "/b/1", "/c/x", "/c/y"]
        .map(|path| format!("GET {path}"));
    assert_eq!(server.received(), expected);
}

#[test]
fn uploads_of_files() {
    let server = shop();
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 1, duration: 1}]
  variables: {filename: [logo.png]}
scenarios:
  - flow:
    - post:
        url: "/upload"
        formData:
          document: {fromFile: "./files/{{ filename }}"}
          note: hello
          count: 2
"#;
    let output = run(&server, file, &[]).file("files/logo.png", "PNG!").run();
    without_failures(&output.code(Exit::Done).json());
    let received = server.received().concat();
    let (_, body) = received.split_once(' ').unwrap();
    assert!(
        body.contains("name=\"document\"; filename=\"logo.png\"\r\ncontent-type: image/png\r\n\r\nPNG!\r\n"),
        "{body}"
    );
    assert!(
        body.contains("name=\"note\"\r\n\r\nhello\r\n") && body.contains("name=\"count\"\r\n\r\n2\r\n"),
        "{body}"
    );
}

#[test]
fn what_is_done_once_before_and_after() {
    let server = shop();
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 3, duration: 1}]
before:
  flow:
    - post: {url: /users, json: {}, capture: {json: $.id, as: shared}}
scenarios:
  - flow: [{get: "/users/{{ shared }}"}]
after:
  flow: [{delete: "/users/{{ shared }}"}]
"#;
    let report = run(&server, file, &[]).run().code(Exit::Done).json();
    without_failures(&report);
    let received = server.received();
    assert_eq!(received.first().unwrap(), "POST /users {}");
    assert_eq!(received.iter().filter(|line| *line == "GET /users/7").count(), 3);
    assert_eq!(received.last().unwrap(), "DELETE /users/7");
    assert_eq!(report["total"]["count"], 3, "what is done once is not part of the load: {report:#}");
    let rows: Vec<_> =
        report["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(
        rows.contains(&"before: POST /users") && rows.contains(&"after: DELETE /users/{{ shared }}"),
        "{rows:?}"
    );
}

#[test]
fn a_load_whose_preparation_fails_is_not_begun() {
    let server = shop();
    let file = r#"
config: {target: TARGET}
before: {flow: [{get: /missing}]}
scenarios: [{flow: [{get: /}]}]
"#;
    run(&server, file, &[]).run().code(Exit::Inconclusive).stdout(str![""]).stderr(str![[r#"
error: the load was not begun, because `before` failed: before: GET /missing: HTTP 404:

"#]]);
    assert_eq!(server.received(), ["GET /missing"]);
}

#[test]
fn thresholds_of_ensure_wherever_they_are_written() {
    let server = shop();
    let file = r#"
config:
  target: TARGET
  phases: [{arrivalCount: 1, duration: 1}]
  plugins: {ensure: {maxErrorRate: 0, thresholds: [{http.response_time.median: 5000}]}}
  ensure:
    p95: "9000"
    conditions:
      - expression: http.response_time.p99 < 9000 and http.response_time.max < 9500
scenarios: [{flow: [{get: /}]}]
"#;
    let report = run(&server, file, &[]).run().code(Exit::Done).json();
    let slos: Vec<_> =
        report["slo"].as_array().unwrap().iter().map(|slo| slo["slo"].as_str().unwrap()).collect();
    assert_eq!(slos, ["p95 <= 9000ms", "p99 < 9000ms", "max < 9500ms", "errors <= 0%", "p50 <= 5000ms"]);
}

#[test]
fn settings_of_a_file_for_several_scenarios() {
    let server = shop();
    let common = format!("config:\n  target: {}\n  plugins: {{expect: {{}}, slack: {{}}}}\n", server.url());
    let file = "scenarios:\n  - name: dino\n    flow: [{get: {url: /dino, expect: {statusCode: 200}}}]\n";
    let args = ["--config", "common/config.yml", "--arrival-rate", "2", "--duration", "1s"];
    let output = run(&server, file, &args).file("common/config.yml", common).run();
    let note = "note: common/config.yml:3: `slack` has no effect: nothing is sent to Slack; see --output\n";
    without_failures(&output.code(Exit::Done).stderr(note).json());
    assert_eq!(server.received(), ["GET /dino"; 2]);
}

#[test]
fn everything_that_needs_javascript_is_named_at_once() {
    let file = r#"version: 1
config:
  target: http://127.0.0.1:1
  processor: ./helpers.js
  engines: {example: {}}
  plugins: {hello-world: {}}
  tls: {rejectUnauthorized: false}
  phases: [{duration: "{{ $processEnvironment.NOT_SET_ANYWHERE }}", arrivalRate: 1}]
scenarios:
  - beforeScenario: getUser
    beforeRequest: refresh
    flow:
      - function: generate
      - get: {url: /, beforeRequest: sign, afterResponse: [print]}
      - loop: [{get: /}]
        whileTrue: goOn
      - get: {url: /, capture: [{xpath: //a, as: a}, {selector: h1, as: b}]}
  - engine: playwright
    testFunction: visit
"#;
    let output = Scalectl::new(["loadtest", "validate", "test.yml"]).file("test.yml", file).run();
    let errors = &output.code(Exit::Usage).stderr;
    let titles: Vec<&str> = errors.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    assert_eq!(
        titles,
        [
            "unknown key `version`",
            "`processor` names a JavaScript file",
            "the engine `example` is a program of its own",
            "the plug-in `hello-world` is not known",
            "certificates are always checked",
            "environment variable `NOT_SET_ANYWHERE` is not set",
            "`beforeScenario` calls JavaScript",
            "`beforeRequest` calls JavaScript",
            "`function` calls JavaScript",
            "`beforeRequest` calls JavaScript",
            "`afterResponse` calls JavaScript",
            "`whileTrue` calls JavaScript",
            "`xpath` looks into XML, which is not parsed",
            "`selector` looks into HTML, which is not parsed",
            "`engine` must be one of http, socketio, ws, found \"playwright\"",
            "`testFunction` calls JavaScript",
        ]
    );
    assert!(errors.contains(" --> test.yml:16:9"), "{errors}");
}
