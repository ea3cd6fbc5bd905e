//! Reconnect storms against real Socket.IO servers: who is cut, who comes back, and what they missed.

use std::time::Duration;

use scalectl::Exit;
use serde_json::{Value, json};

use crate::schemas::conforms;
use crate::support::{NodeServer, STARTUP, Scalectl, wait_until};

/// Four users in a room; the second one publishes there for four seconds, from the first second on.
fn scenario(target: &str, storm: &str) -> String {
    format!(
        r#"config:
  target: "{target}"
  socketio: {{reconnectionDelay: 400, randomizationFactor: 0}}
  reconnect_storm: {storm}
scenarios:
  - engine: socketio
    flow:
      - emit: {{channel: join, data: lobby, again: true}}
        acknowledge: true
      - fanout: {{event: published, room: lobby}}
      - if: $user == 2
        then:
          - think: 1s
          - fanout: {{channel: publish, args: [lobby, {{}}], stamp: "$[1]._stamp", event: published, room: lobby, role: publisher, count: 80, every: 50ms}}
      - think: 60s
slo: [errors < 0.1%, steady < 1m]
"#
    )
}

fn run(file: &str) -> Scalectl {
    let args = ["loadtest", "run", "test.yaml", "--users", "4", "--duration", "7s", "--ramp", "0s"];
    Scalectl::new(args).arg("--output").arg("json").file("test.yaml", file)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn those_who_are_cut_come_back_and_what_they_missed_is_counted() {
    let server = NodeServer::socketio(&json!({}));
    let output = run(&scenario(server.url(), "{at: 2s, drop: 50%}")).arg("--report").arg("html=r.html").run();
    let report = output.code(Exit::Done).json();
    conforms("loadtest-report.json", &report);
    let storm = &report["storms"][0];
    let counts = ["cut", "back", "recovered", "ended", "away"].map(|name| number(&storm[name]));
    assert_eq!(counts, [2, 2, 0, 0, 0], "{report:#}");
    let steady = storm["steadySeconds"].as_f64().unwrap();
    assert!((0.4..3.0).contains(&steady), "{storm:#}");
    assert!(
        number(&storm["took"]["min"]) >= 400_000 && number(&storm["peakReturnsPerSecond"]) >= 1,
        "{storm:#}"
    );
    // The rooms were joined again: only what came in between is missing.
    let fanout = &report["fanouts"][0]["total"];
    assert_eq!((&fanout["sent"], &fanout["expected"]), (&json!(80), &json!(240)), "{report:#}");
    assert_eq!((&fanout["lost"], &storm["duplicates"]), (&storm["missed"], &json!(0)), "{report:#}");
    assert!((2..100).contains(&number(&storm["missed"])), "{storm:#}");
    assert_eq!(report["failures"], json!([]), "what was done on purpose is no error");
    assert_eq!(server.count("connect"), 6);
    let page = std::fs::read_to_string(output.path("r.html")).unwrap();
    assert!(page.contains("<h2>Reconnect storms</h2>"));
}

#[test]
fn sessions_that_the_server_keeps_miss_nothing() {
    let options = json!({"connectionStateRecovery": {"maxDisconnectionDuration": 60_000}});
    let server = NodeServer::socketio(&json!({"options": options}));
    let report = run(&scenario(server.url(), "[{at: 2s, over: 1s}, {at: 4s, drop: 50%}]"))
        .run()
        .code(Exit::Done)
        .json();
    let figures =
        |storm: &Value| ["cut", "back", "recovered", "missed", "duplicates"].map(|name| number(&storm[name]));
    assert_eq!(figures(&report["storms"][0]), [4, 4, 4, 0, 0], "{report:#}");
    assert_eq!(figures(&report["storms"][1]), [2, 2, 2, 0, 0], "{report:#}");
    assert_eq!(report["fanouts"][0]["total"]["lost"], 0, "{report:#}");
    server.wait_to_see(|line| line["what"] == "connect" && line["recovered"] == true);
}

#[test]
fn a_clean_cut_says_goodbye_and_keeps_no_session() {
    let options = json!({"connectionStateRecovery": {"maxDisconnectionDuration": 60_000}});
    let server = NodeServer::socketio(&json!({"options": options}));
    let report =
        run(&scenario(server.url(), "{at: 2s, drop: 50%, clean: true}")).run().code(Exit::Done).json();
    let storm = &report["storms"][0];
    assert_eq!(["cut", "back", "recovered"].map(|name| number(&storm[name])), [2, 2, 0], "{report:#}");
    let goodbyes = || {
        let said =
            |line: &&Value| line["what"] == "disconnect" && line["reason"] == "client namespace disconnect";
        server.seen().iter().filter(said).count()
    };
    wait_until("all to have left", STARTUP, || goodbyes() == 6);
}

#[test]
fn a_server_that_stays_away_is_never_steady() {
    let server = NodeServer::socketio(&json!({}));
    let running = run(&scenario(server.url(), "{at: 2s}")).spawn();
    wait_until("the storm", STARTUP, || server.count("disconnect") >= 3);
    drop(server);
    let report = running.wait(Duration::from_secs(60)).json();
    let storm = &report["storms"][0];
    assert_eq!((&storm["cut"], &storm["steadySeconds"]), (&json!(4), &Value::Null), "{report:#}");
    assert!(number(&storm["away"]) + number(&storm["ended"]) >= 1, "{storm:#}");
    assert_eq!(storm["failures"][0]["cause"], "connection refused", "{storm:#}");
    let steady = &report["slo"][1];
    assert_eq!((&steady["observed"], &steady["outcome"]), (&Value::Null, &json!("failed")), "{report:#}");
}

#[test]
fn a_storm_may_have_to_be_over_in_time() {
    let server = NodeServer::socketio(&json!({}));
    let in_time = |limit: &str| {
        let file = scenario(server.url(), "[{at: 2s}, {at: 4s, drop: 50%}]");
        run(&file.replace("steady < 1m", &format!("steady < {limit}"))).run()
    };
    let report = in_time("3s").code(Exit::Done).json();
    let longest = report["storms"].as_array().unwrap().iter().map(|storm| storm["steadySeconds"].as_f64());
    let longest = longest.reduce(|a, b| if a > b { a } else { b }).flatten().unwrap();
    assert_eq!(report["slo"][1]["observed"].as_f64().unwrap(), longest * 1e6, "{report:#}");
    let report = in_time("390ms").code(Exit::Failed).json();
    assert_eq!(report["slo"][1]["outcome"], "failed", "nobody comes back before 400 ms: {report:#}");
}

#[test]
fn mistakes_in_storms_are_told_with_their_places() {
    let file = "config:\n  target: \"http://127.0.0.1:1\"\n  phases: [{duration: 30s, users: 1}]\n  reconnect_storm:\n    \
                - {at: 10s, drop: half}\n    - {at: 10s, over: 5s}\n    - {at: 12s, drop: 10%}\n    - {at: 40s}\nscenarios:\n  - engine: socketio\n    flow: [{connect: {}}]\n";
    let output = Scalectl::new(["loadtest", "validate", "test.yaml"]).file("test.yaml", file).run();
    output.code(Exit::Usage);
    for (place, message) in [
        ("test.yaml:5:23", "`drop` is a part of the connections, such as `50%`"),
        ("test.yaml:7:12", "it begins before the storm before it is over"),
        ("test.yaml:8:12", "the load is over before this storm is"),
    ] {
        assert!(
            output.stderr.contains(place) && output.stderr.contains(message),
            "{place}: {}",
            output.stderr
        );
    }
    let file = "config:\n  target: \"http://127.0.0.1:1\"\n  reconnect_storm: {at: 10s}\nscenarios:\n  - flow: [{get: /}]\n";
    let output = Scalectl::new(["loadtest", "validate", "test.yaml"]).file("test.yaml", file).run();
    output.code(Exit::Usage).stderr_has("no scenario of this file has `engine: socketio`");
    output.stderr_has("test.yaml:3:3");
    let file =
        "config: {target: \"http://127.0.0.1:1\"}\nscenarios: [{flow: [{get: /}]}]\nslo: [steady < 30s]\n";
    let output = Scalectl::new(["loadtest", "validate", "test.yaml"]).file("test.yaml", file).run();
    output
        .code(Exit::Usage)
        .stderr_has("`steady` is about Socket.IO connections, and no scenario has `engine: socketio`");
}
