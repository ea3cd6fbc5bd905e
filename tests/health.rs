//! `scalectl health` against real servers, dead ones and ones that misbehave.

use std::time::{Duration, Instant};

use scalectl::{Exit, HealthExit};
use snapbox::str;

use crate::support::faults::{HangUp, Scripted, Silent, Step};
use crate::support::{MongoServer, RedisServer, ReferenceServer, Scalectl};

const OK: Exit = Exit::Health(HealthExit::Ok);
const WARNING: Exit = Exit::Health(HealthExit::Warning);
const CRITICAL: Exit = Exit::Health(HealthExit::Critical);
const UNKNOWN: Exit = Exit::Health(HealthExit::Unknown);

fn health(targets: &[&str]) -> Scalectl {
    Scalectl::new(["health", "--timeout", "5s"].iter().chain(targets))
}

/// What one target answers: its state and its own words.
#[track_caller]
fn answer(target: &str, exit: Exit) -> String {
    let output = health(&[target, "--output", "json"]).run();
    let report = output.code(exit).stderr(str![""]).json();
    report["checks"][0]["detail"].as_str().unwrap().to_owned()
}

#[test]
fn every_kind_of_system_is_asked_in_its_own_protocol() {
    let (server, redis, mongodb) = (ReferenceServer::start(), RedisServer::start(), MongoServer::start());
    let at = server.authority();
    assert_eq!(answer(&format!("http://{at}/health"), OK), "HTTP 200, status pass");
    assert_eq!(answer(&format!("tcp://{at}"), OK), "accepts connections");
    assert_eq!(
        answer(&format!("socketio+http://{at}"), OK),
        "handshake, / asks for credentials, ping every 25000 ms"
    );
    let redis = answer(&redis.url(), OK);
    assert!(redis.starts_with("Redis ") && redis.ends_with(", master"), "{redis}");
    let mongodb = answer(mongodb.uri(), OK);
    assert!(mongodb.starts_with("MongoDB "), "{mongodb}");
}

#[test]
fn the_table_names_what_is_well_and_what_is_not() {
    let server = ReferenceServer::start();
    let output = health(&[&format!("{}/health", server.url()), "tcp://127.0.0.1:1"]);
    let output = output.hide_matches(r"\d+\.\d ms", "[TIME]").hide_matches(" {2,}", "  ").run();
    output.code(CRITICAL).stderr(str![""]).stdout(str![[r#"
STATE  CHECK  KIND  TIME  ANSWER
OK  http://127.0.0.1:[PORT]/health  http  [TIME]  HTTP 200, status pass
CRITICAL  tcp://127.0.0.1:[PORT]  tcp  [TIME]  connection refused

CRITICAL: 1 critical, 0 warning, of 2 checks

"#]]);
}

#[test]
fn a_server_that_does_not_answer_is_critical_within_its_time() {
    for (server, words) in [
        (Silent::start(), "no answer within 300ms"),
        (HangUp::AtOnce.start(), "the server closed the connection before the answer was complete"),
    ] {
        let started = Instant::now();
        let output = Scalectl::new(["health", "--timeout", "300ms", "--output", "json", &server.url()]).run();
        assert!(started.elapsed() < Duration::from_secs(10));
        let detail = output.code(CRITICAL).json()["checks"][0]["detail"].clone();
        assert!(detail == words || detail == "connection reset", "{detail}");
    }
}

#[test]
fn a_server_that_closes_in_the_middle_of_the_handshake_is_critical() {
    let server = HangUp::MidHandshake.start();
    let detail = answer(&format!("socketio+{}", server.url()), CRITICAL);
    assert!(detail.starts_with("the server closed the connection"), "{detail}");
}

#[test]
fn a_websocket_server_that_is_no_socketio_server_is_critical() {
    let server = Scripted::start(vec![vec![Step::Upgrade, Step::Text("hello".into()), Step::Hold]]);
    let detail = answer(&format!("socketio+{}", server.url()), CRITICAL);
    assert_eq!(detail, r#"protocol error: expected the Engine.IO handshake, got "hello""#);
}

#[test]
fn a_system_that_warns_of_itself_is_a_warning() {
    let body = r#"{"status":"warn"}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let server = Scripted::start(vec![vec![Step::Head, Step::Bytes(head.into_bytes()), Step::Hold]]);
    assert_eq!(answer(&server.url(), WARNING), "HTTP 200, status warn");
}

#[test]
fn a_wait_ends_as_soon_as_the_server_is_there() {
    let mut server = ReferenceServer::start();
    let address = server.authority().to_owned();
    server.kill();
    let waiting = health(&["--wait", "60s", &format!("http://{address}/health")]).spawn();
    waiting.wait_for_line(Duration::from_secs(10), |line| line.starts_with("waiting for http://"));
    let _server = ReferenceServer::listening_on(&address);
    let output = waiting.wait(Duration::from_secs(30));
    output.code(OK).stdout_has("OK: 1 check passed");
}

#[test]
fn a_wait_in_vain_ends_when_its_time_is_over() {
    let started = Instant::now();
    health(&["--wait", "1s", "tcp://127.0.0.1:1"]).run().code(CRITICAL);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_systems_of_an_environment_are_taken_from_the_file() {
    let (server, redis) = (ReferenceServer::start(), RedisServer::start());
    let file = format!(
        "environments:\n  local:\n    app:\n      - url: {}\n        socketio: /socket.io/\n    redis:\n      env: REDIS_URL\n    tcp:\n      - {}\n",
        server.url(),
        server.authority()
    );
    let output = health(&[]).file("scalectl.yaml", file).env("REDIS_URL", redis.url());
    let report = output.arg("--output").arg("json").run().code(OK).json();
    let names: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(names, ["app[0]", "app[0] socket.io", "redis", server.authority()]);
    assert_eq!(report["schema"], "scalectl.health/1");
}

#[test]
fn all_mistakes_of_the_file_are_named_at_once() {
    let file = "environments:\n  local:\n    ap: []\n    redis: 7\n    tcp: [1]\n";
    let output = health(&[]).file("scalectl.yaml", file).run();
    output.code(UNKNOWN).stdout(str![""]).stderr(str![[r#"
error: unknown key `ap`
 --> scalectl.yaml:3:5
  |
3 |     ap: []
  |     ^^ did you mean `app`?
error: `redis` must be text or a mapping, found 7
 --> scalectl.yaml:4:12
  |
4 |     redis: 7
  |            ^
error: item 1 of `tcp` must be text, found 1
 --> scalectl.yaml:5:11
  |
5 |     tcp: [1]
  |           ^

"#]]);
}

#[test]
fn addresses_that_are_none_are_named_at_their_places() {
    let file = "environments:\n  local:\n    app: [{url: 'localhost:80'}]\n    redis: redis://:hunter2@a\n    mongodb: {env: NO_SUCH_VARIABLE}\n    tcp: [a]\n";
    let output = health(&[]).file("scalectl.yaml", file).run();
    output.code(UNKNOWN).stdout(str![""]).stderr(str![[r#"
error: `localhost:[PORT]/health` is no target; write http://…, https://…, socketio+http://…, redis://…, mongodb://… or tcp://host:port
 --> scalectl.yaml:3:17
  |
3 |     app: [{url: 'localhost:[PORT]'}]
  |                 ^^^^^^^^^^^^^^
error: redis://:***@a contains a password; keep it in a variable or a file and write env:NAME or file:PATH
 --> scalectl.yaml:4:12
  |
4 |     redis: redis://:*******@a
  |            ^^^^^^^^^^^^^^^^^^
error: the environment variable NO_SUCH_VARIABLE is not set
 --> scalectl.yaml:5:14
  |
5 |     mongodb: {env: NO_SUCH_VARIABLE}
  |              ^^^^
error: `tcp://a`: the port is missing
 --> scalectl.yaml:6:11
  |
6 |     tcp: [a]
  |           ^

"#]]);
}

#[test]
fn without_targets_and_without_a_file_the_next_step_is_named() {
    health(&[]).run().code(UNKNOWN).stdout(str![""]).stderr(str![[r#"
error: no targets were given and there is no scalectl.yaml; try `scalectl health http://127.0.0.1:[PORT]/health`

"#]]);
}

#[test]
fn a_password_is_neither_taken_from_the_command_line_nor_shown() {
    let output = health(&["redis://:hunter2@127.0.0.1:1"]).run();
    output.code(UNKNOWN).stdout(str![""]).stderr(str![[r#"
error: redis://:***@127.0.0.1:[PORT] contains a password; keep it in a variable or a file and write env:NAME or file:PATH

"#]]);
    let output = health(&["env:REDIS_URL"]).env("REDIS_URL", "redis://:hunter2@127.0.0.1:1").run();
    output.code(CRITICAL);
    assert!(!output.report().contains("hunter2"), "{}", output.report());
}

#[test]
fn a_wrong_password_is_told_from_a_dead_server() {
    let redis = RedisServer::start_with_password("secret");
    let url = redis.url().replace("redis://", "redis://:wrong@");
    let output = health(&["env:REDIS_URL", "--output", "json"]).env("REDIS_URL", url).run();
    let detail = output.code(CRITICAL).json()["checks"][0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("refused: "), "{detail}");
    assert!(!output.report().contains("wrong@"), "{}", output.report());
}
