//! Damaged input: whatever it is, it is refused or understood, and nothing panics. The fuzz targets go further.

use proptest::prelude::*;

use crate::fuzzing;

const HAR: &str = r#"{"log": {"entries": [
  {"startedDateTime": "2026-11-21T10:00:00Z", "time": 5, "request": {"method": "POST", "url": "http://a.example/login?x=1",
   "headers": [{"name": "X-Api-Key", "value": "k"}], "cookies": [{"name": "c", "value": "v"}],
   "postData": {"mimeType": "application/json", "text": "{\"user\": \"ada\", \"n\": [1]}"}},
   "response": {"status": 200, "cookies": [], "content": {"mimeType": "application/json", "text": "{\"id\": \"abc-123\"}"}}},
  {"startedDateTime": "2026-11-21T10:00:03Z", "request": {"method": "GET", "url": "http://a.example/items/abc-123"},
   "response": {"status": 200}}]}}"#;
const LOG: &str = "1.2.3.4 - - [21/Nov/2026:10:00:00 +0100] \"GET /users/17?page=1 HTTP/1.1\" 200 5\n\
                   {\"ts\":1.5,\"request\":{\"method\":\"GET\",\"uri\":\"/b\"},\"status\":200}\n";
const API: &str = r##"{"openapi": "3.0.3", "servers": [{"url": "/v1"}], "security": [{"k": []}], "paths": {"/a/{id}": {"post": {
  "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}, {"name": "X-A", "in": "header", "required": true}],
  "requestBody": {"content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/N"}}}},
  "responses": {"200": {"description": "x"}}}}}, "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "k"}},
  "schemas": {"N": {"type": "object", "required": ["n", "m"], "properties": {"n": {"$ref": "#/components/schemas/N"},
  "m": {"type": "array", "minItems": 9, "items": {"$ref": "#/components/schemas/N"}}}}}}}"##;
const SCENARIO: &str = r#"
config:
  target: http://a.example
  environments: {e: {phases: [{duration: 5min, arrivalRate: "2"}]}}
  phases: [{duration: 1, users: 2, rampTo: 3}]
  variables: {a: [1, 2], b: {c: d}}
  payload: {path: none.csv, order: unique}
  ensure: {p95: 5, conditions: [{expression: http.response_time.p99 < 5}]}
before: {flow: [{post: {url: /s, json: {x: "{{ a }}"}, capture: {json: $.id, as: id}}}]}
scenarios:
  - flow:
      - loop: [{get: {url: "/{{ id }}", capture: {regexp: "(a)", group: 1, as: g}, expect: {statusCode: "{{ a }}"}}}]
        count: 2-3
      - if: a == 1 and b.c
        then: [{think: 1s-2s}, {parallel: [{get: /1}], atOnce: 2}]
      - post: {url: /u, formData: {f: {value: x}}, auth: {user: u, pass: "{{ $env.HOME }}"}}
slo: [p95 < 1s]
"#;
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 34\r\nx: y\r\nx-cache: HIT\r\n\r\n\
                      {\"ok\": true, \"a\": [{\"id\": \"v=12\"}]}HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";

/// Cuts, doubles and overwrites parts of a text.
fn damaged(text: &'static str) -> impl Strategy<Value = String> {
    let edit = (
        0.0..1.0f64,
        0usize..12,
        0u8..3,
        prop::sample::select(&[
            "{{", "}}", "\"", "[", ":", "\n", "é", "\0", "-1", "9e99", "%", "'", "$", "~",
        ]),
    );
    prop::collection::vec(edit, 0..4).prop_map(move |edits| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, kind, insert) in edits {
            let at = (at * text.len() as f64) as usize;
            let end = (at + length).min(text.len());
            match kind {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..at, text[at..end].to_vec())),
                _ => drop(text.splice(at..end, insert.chars())),
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn damaged_scenarios_are_refused_or_compiled(text in damaged(SCENARIO)) {
        fuzzing::scenario(&text);
    }

    #[test]
    fn what_is_made_of_damaged_sources_is_still_a_scenario(
        text in prop_oneof![damaged(HAR), damaged(LOG), damaged(API)],
    ) {
        fuzzing::import(&text);
    }

    #[test]
    fn damaged_answers_are_failures(text in damaged(ANSWER)) {
        fuzzing::http_response(text.as_bytes());
    }
}
