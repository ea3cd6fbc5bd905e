//! `scalectl loadtest import`: what it writes is accepted, and does what was recorded.

use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;

use crate::schemas::conforms;
use crate::support::faults::Answering;
use crate::support::{ReferenceServer, Scalectl};

fn import(kind: &str, name: &str, text: impl AsRef<[u8]>, args: &[&str]) -> Scalectl {
    Scalectl::new(["loadtest", "import", kind, name].iter().chain(args)).file(name, text)
}

/// The scenario that an import wrote, once `validate` has accepted it.
#[track_caller]
fn accepted(scenario: &str) {
    let output = Scalectl::new(["loadtest", "validate", "s.yaml"]).file("s.yaml", scenario).run();
    output.code(Exit::Done);
}

fn entry(at: &str, method: &str, url: &str, more: &Value, answer: &Value) -> Value {
    let mut request = json!({"method": method, "url": url, "headers": []});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let content = json!({"mimeType": "application/json; charset=utf-8", "text": answer.to_string()});
    json!({
        "startedDateTime": format!("2026-11-21T10:00:{at}Z"), "time": 100.0, "request": request,
        "response": {"status": 200, "headers": [], "cookies": [], "content": content},
    })
}

/// A visit: login, an own page, a post, with a picture and somebody else's script between them.
fn recording(origin: &str) -> String {
    let token = "eyJhbGciOiJI.payload9.signature";
    let bearer = json!({"headers": [
        {"name": "Authorization", "value": format!("Bearer {token}")},
        {"name": "User-Agent", "value": "Mozilla/5.0"},
        {"name": "X-Requested-With", "value": "XMLHttpRequest"},
        {"name": "X-Api-Key", "value": "k-very-secret"},
    ]});
    let login = json!({"postData": {"mimeType": "application/json", "text": r#"{"user":"ada","password":"hunter2"}"#},
        "cookies": [{"name": "consent", "value": "c-secret"}]});
    let mut post = bearer.clone();
    post["postData"] =
        json!({"mimeType": "application/json", "text": r#"{"author":8231,"text":"hi {{ there"}"#});
    let entries = json!([
        entry(
            "00.000",
            "POST",
            &format!("{origin}/login"),
            &login,
            &json!({"token": token, "user": {"id": 8231}})
        ),
        entry("00.150", "GET", &format!("{origin}/logo.png"), &json!({}), &json!({})),
        entry("00.160", "GET", "https://cdn.example.org/x.js", &json!({}), &json!({})),
        entry(
            "01.600",
            "GET",
            &format!("{origin}/users/8231/posts?limit=20&csrf_token=q-secret"),
            &bearer,
            &json!([])
        ),
        entry("01.750", "POST", &format!("{origin}/posts"), &post, &json!({"id": "p-77781"})),
        entry("01.900", "GET", &format!("{origin}/posts/p-77781"), &json!({}), &json!({})),
    ]);
    json!({"log": {"version": "1.2", "entries": entries}}).to_string()
}

#[test]
fn a_recording_becomes_a_scenario_with_captures_and_without_secrets() {
    let output = import("har", "visit.har", recording("https://shop.example.org"), &[]).run();
    output.code(Exit::Done).stdout(str![[r##"
# Imported from visit.har.
# - config.variables.cookie_consent has to be filled in
# - config.variables.password has to be filled in
# - config.variables.csrf_token has to be filled in
# - config.variables.x_api_key has to be filled in
# - 1 requests to other hosts are left out
# - 1 images, scripts, styles and fonts are left out; --with-assets takes them
config:
  target: https://shop.example.org
  phases:
  - duration: 1m
    users: 1
  variables:
    cookie_consent: REPLACE-ME
    password: REPLACE-ME
    csrf_token: REPLACE-ME
    x_api_key: REPLACE-ME
scenarios:
- name: recorded
  flow:
  - post:
      url: /login
      cookie:
        consent: "{{ cookie_consent }}"
      json:
        user: ada
        password: "{{ password }}"
      capture:
      - json: $.user.id
        as: user_id
      - json: $.token
        as: token
  - think: 1.5
  - get:
      name: GET /users/:id/posts
      url: /users/{{ user_id }}/posts
      qs:
        limit: "20"
        csrf_token: "{{ csrf_token }}"
      headers:
        authorization: Bearer {{ token }}
        x-requested-with: XMLHttpRequest
        x-api-key: "{{ x_api_key }}"
  - post:
      url: /posts
      headers:
        authorization: Bearer {{ token }}
        x-requested-with: XMLHttpRequest
        x-api-key: "{{ x_api_key }}"
      json:
        author: "{{ user_id }}"
        text: hi {{ '{{' }} there
      capture:
      - json: $.id
        as: id
  - get:
      name: GET /posts/:id
      url: /posts/{{ id }}

"##]]);
    for secret in ["hunter2", "k-very-secret", "c-secret", "q-secret", "eyJhbGci"] {
        assert!(!output.stdout.contains(secret), "{secret} in {}", output.stdout);
    }
    accepted(&output.stdout);
}

#[test]
fn what_was_recorded_can_be_made_again() {
    let server = Answering::start(|asked| {
        let body = match asked.line.as_str() {
            "POST /login" => json!({"token": "fresh-token-1", "user": {"id": 5150}}),
            "POST /posts" => json!({"id": "p-90001"}),
            line if line.starts_with("GET /users/5150/posts") => {
                assert_eq!(asked.header("authorization"), Some("Bearer fresh-token-1"));
                json!([])
            }
            "GET /posts/p-90001" => json!({}),
            _ => return (404, String::new(), String::new()),
        };
        (200, "content-type: application/json\r\n".to_owned(), body.to_string())
    });
    let imported = import("har", "visit.har", recording(&server.url()), &["--quiet"]).run();
    let run = Scalectl::new(["loadtest", "run", "s.yaml", "--arrival-rate", "1", "--duration", "1s"]);
    run.file("s.yaml", &imported.code(Exit::Done).stdout).run().code(Exit::Done);
    let posted = server.received().into_iter().find(|line| line.starts_with("POST /posts")).unwrap();
    assert_eq!(posted, r#"POST /posts {"author":5150,"text":"hi {{ there"}"#);
}

#[test]
fn a_log_becomes_weighted_routes_at_its_rate() {
    let mut log = String::new();
    let mut line = |second: u32, request: &str, status: u16| {
        log += &format!(
            "10.0.0.1 - - [21/Nov/2026:10:00:{second:02} +0000] \"{request} HTTP/1.1\" {status} 5 \"-\" \"x\"\n"
        );
    };
    for second in 0..10 {
        line(
            second,
            &format!("GET /api/users/{}/posts?page={}&token=t-secret", 1_000 + second, second % 2),
            200,
        );
        line(second, "GET /api/feed", 200);
        line(second, "GET /api/feed", 304);
        line(second, "GET /app.js", 200);
        line(second, "POST /api/posts", 201);
    }
    line(10, "GET /api/nowhere", 404);
    line(10, "GET /api/feed", 200);
    log += "garbage\n";
    let output = import("access-log", "access.log", log, &["--target", "http://127.0.0.1:1"]).run();
    output.code(Exit::Done).stdout(str![[r##"
# Imported from access.log.
# - 31 requests in 10 s: 3.1 a second
# - 1 lines are of no kind that is known
# - 10 images, scripts, styles and fonts are left out; --with-assets takes them
# - 1 requests that failed are left out
# - 10 times POST /api/posts is left out: a log does not hold what was sent
config:
  target: http://127.0.0.1:[PORT]
  phases:
  - name: as logged
    duration: 1m
    arrivalRate: 3.1
  variables:
    users_id:
    - "1000"
    - "1001"
    - "1002"
    - "1003"
    - "1004"
    - "1005"
    - "1006"
    - "1007"
    - "1008"
    - "1009"
    posts_query:
    - page=0&token=REPLACE-ME
    - page=1&token=REPLACE-ME
scenarios:
- name: GET /api/feed
  weight: 21
  flow:
  - get:
      url: /api/feed
      name: GET /api/feed
- name: GET /api/users/:id/posts
  weight: 10
  flow:
  - get:
      url: /api/users/{{ users_id }}/posts?{{ posts_query }}
      name: GET /api/users/:id/posts

"##]]);
    accepted(&output.stdout);
}

#[test]
fn a_log_of_json_lines_is_read_too_and_its_report_conforms() {
    let lines = "{\"ts\":1.0,\"request\":{\"method\":\"GET\",\"uri\":\"/a\"},\"status\":200}\n\
                 {\"time\":\"1970-01-01T00:00:03Z\",\"method\":\"GET\",\"path\":\"/b\",\"status\":200}\n";
    let report = import("access-log", "log.json", lines, &["--output", "json"]).run().code(Exit::Done).json();
    conforms("loadtest-import.json", &report);
    assert_eq!((&report["found"], &report["kept"]), (&2.into(), &2.into()));
    let scenario = report["scenario"].as_str().unwrap();
    assert!(scenario.contains("arrivalRate: 1\n") && scenario.contains("name: GET /b"), "{scenario}");
    accepted(scenario);
}

#[test]
fn a_document_becomes_operations_with_bodies_and_a_login() {
    let document = r##"
openapi: 3.1.0
servers: [{url: "https://api.example.org/v1/"}]
security: [{bearer: []}]
paths:
  /session:
    post:
      security: []
      requestBody: {content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string, maxLength: 30}}}}}}
      responses: {"201": {content: {application/json: {schema: {properties: {token: {type: string}}}}}}}
  /orders/{orderId}:
    parameters: [{name: orderId, in: path, required: true, schema: {type: integer, example: 17}}]
    get:
      parameters: [{name: fields, in: query, required: true, schema: {enum: [all, some]}}, {name: page, in: query, schema: {type: integer}}]
      responses: {"200": {}, "404": {}}
    put:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      responses: {"204": {}}
  /ping: {get: {security: [], responses: {"200": {}}}}
components:
  securitySchemes: {bearer: {type: http, scheme: bearer}}
  schemas:
    Order:
      type: object
      required: [id, kind, lines, note, email]
      properties:
        id: {type: string, format: uuid, readOnly: true}
        kind: {type: [string, "null"], enum: [new, old]}
        lines: {type: array, items: {allOf: [{$ref: "#/components/schemas/Line"}]}}
        note: {type: string, default: "a {{ brace"}
        email: {type: string, format: email}
        optional: {type: string}
    Line: {type: object, required: [sku, count], properties: {sku: {type: string, maxLength: 5}, count: {type: integer, minimum: 3}}}
"##;
    let output = import("openapi", "api.yaml", document, &[]).run();
    output.code(Exit::Done).stdout(str![[r##"
# Imported from api.yaml.
# - POST /session gives the token of all users, once before the load
# - config.variables.orderid holds a made-up value for the paths with {orderId}
config:
  target: https://api.example.org
  phases:
  - duration: 1m
    arrivalRate: 5
  variables:
    orderid:
    - 17
before:
  flow:
  - post:
      url: /v1/session
      json:
        name: "{{ $name }}"
      capture:
        json: $.token
        as: token
scenarios:
- name: GET /orders/{orderId}
  flow:
  - get:
      url: /v1/orders/{{ orderid }}
      name: GET /orders/{orderId}
      qs:
        fields: all
      headers:
        authorization: Bearer {{ token }}
      expect:
        statusCode:
        - 200
- name: PUT /orders/{orderId}
  flow:
  - put:
      url: /v1/orders/{{ orderid }}
      name: PUT /orders/{orderId}
      headers:
        authorization: Bearer {{ token }}
      json:
        kind: new
        lines:
        - sku: "{{ $randomString(5) }}"
          count: 3
        note: a {{ '{{' }} brace
        email: "{{ $email }}"
      expect:
        statusCode:
        - 204
- name: GET /ping
  flow:
  - get:
      url: /v1/ping
      name: GET /ping
      expect:
        statusCode:
        - 200

"##]]);
    accepted(&output.stdout);
}

#[test]
fn the_reference_servers_own_document_runs_against_it() {
    let server = ReferenceServer::start();
    let document = include_str!("../docs/openapi.json");
    let args = ["--target", server.url(), "--read-only", "--quiet"];
    let imported = import("openapi", "openapi.json", document, &args).run();
    let args = ["loadtest", "run", "s.yaml", "--arrival-rate", "40", "--duration", "2s", "--output", "json"];
    let run = Scalectl::new(args).file("s.yaml", &imported.code(Exit::Done).stdout).run();
    let report = run.json();
    assert!(report["total"]["count"].as_u64().unwrap() > 50, "{report:#}");
    let failed = |row: &Value| row["errors"].as_u64() > Some(0);
    let good = |name: &str| {
        let row = report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        row["count"].as_u64() > Some(0) && !failed(row)
    };
    assert!(
        good("before: POST /api/auth/guest") && good("GET /api/feed") && good("GET /health"),
        "{report:#}"
    );
    assert!(!report["failures"].to_string().contains("script error"), "{report:#}");
}

#[test]
fn braces_that_are_no_parameters_open_no_expression() {
    let document = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\nservers: [{url: '/v{{1'}]\npaths:\n  /items/{id}/{i{{:\n    get: {responses: {}}\n";
    let imported = import("openapi", "api.yaml", document, &[]).run();
    imported.code(Exit::Done).stdout_has("url: /v%7B%7B1/items/{{ id }}/{i{{ '{{' }}\n");
    accepted(&imported.stdout);
}

#[test]
fn what_cannot_be_imported_is_said_with_its_file() {
    let refused = |kind: &str, text: &str, message: &str| {
        let output = import(kind, "f", text, &[]).run();
        output.code(Exit::Usage).stdout(str![""]).stderr_has(message);
    };
    refused("har", "{\"log\": 1}", "f: is no HAR file: ");
    refused("har", "{\"log\": {\"entries\": []}}", "f: there is no request in the recording");
    refused("access-log", "hello\n", "f: no line is a request that can be made again");
    refused("openapi", "swagger: '2.0'\n", "f: is no OpenAPI 3 document");
    let there = import("access-log", "f", "- - - [x] \"GET /a HTTP/1.1\" 200 1\n", &["-o", "f"]).run();
    there.code(Exit::Refused).stderr_has("error: f is there already; --force writes over it");
}

#[test]
fn shipped_scenarios_are_named_and_printed() {
    let report = Scalectl::new(["loadtest", "list", "--output", "json"]).run().code(Exit::Done).json();
    conforms("loadtest-list.json", &report);
    let names: Vec<_> = report["scenarios"].as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["chat", "chess", "feed", "hold", "rollout"]);
    accepted(&Scalectl::new(["loadtest", "list", "chess"]).run().code(Exit::Done).stdout);
    let output = Scalectl::new(["loadtest", "list", "ches"]).run();
    output.code(Exit::Usage).stderr_has("no scenario `ches` is shipped; did you mean `chess`?");
}
