//! Socket.IO under load: the shipped scenarios on the reference server, and servers that break the protocol.

use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;

use crate::support::faults::{Scripted, Step};
use crate::support::{ReferenceServer, Scalectl};

/// Connects and emits with an acknowledgement.
fn emitting(target: &str) -> String {
    format!(
        "config:\n  target: \"{target}\"\n  socketio: {{timeout: 500ms}}\nscenarios:\n  - engine: socketio\n    flow:\n      \
         - emit: [hello, {{to: you}}]\n        acknowledge: {{match: {{json: $.0.ok, value: true}}}}\n      \
         - receive: news\n"
    )
}

fn run(file: &str) -> Scalectl {
    let args = ["loadtest", "run", "test.yaml", "--duration", "1500ms", "--ramp", "0s", "--output", "json"];
    Scalectl::new(args).file("test.yaml", file)
}

/// The causes of failure of a run against a server that plays `script`.
#[track_caller]
fn causes(script: Vec<Step>) -> Vec<String> {
    let server = Scripted::start(vec![script]);
    let report = run(&emitting(&server.url())).run().code(Exit::Failed).stderr(str![""]).json();
    let failures = report["failures"].as_array().unwrap().iter();
    failures
        .map(|failure| {
            format!("{}: {}", failure["row"].as_str().unwrap(), failure["cause"].as_str().unwrap())
        })
        .collect()
}

fn text(frame: &str) -> Step {
    Step::Text(frame.to_owned())
}

#[test]
fn frames_that_are_no_packets_are_protocol_errors() {
    for frame in ["", "x", "4", "49", "42[1]", "42{}", "4é", "43[]", "451-[", "0{}"] {
        let script = Scripted::socketio(vec![Step::Receive, text(frame), Step::Hold]);
        assert_eq!(causes(script), ["emit hello: protocol error"], "{frame:?}");
    }
}

#[test]
fn a_malformed_handshake_is_a_protocol_error() {
    for handshake in ["0", "0{", r#"0{"sid":"x"}"#, "2", "hello"] {
        let causes = causes(vec![Step::Upgrade, text(handshake), Step::Hold]);
        assert_eq!(causes, ["connect /: protocol error"], "{handshake:?}");
    }
}

#[test]
fn a_server_that_closes_in_the_middle_is_counted_as_closing() {
    let cut = causes(vec![Step::Upgrade]);
    assert_eq!(cut, ["connect /: closed by server"]);
    let cut = causes(Scripted::socketio(vec![Step::Receive]));
    assert_eq!(cut, ["emit hello: closed by server"]);
    let left = causes(Scripted::socketio(vec![Step::Receive, text("41"), Step::Hold]));
    assert_eq!(left, ["emit hello: disconnected by server"]);
}

/// Without `reconnection` a user whose connection was lost starts over: it is away until then.
#[test]
fn whoever_begins_anew_was_away_until_then() {
    let server = Scripted::start(vec![Scripted::socketio(vec![Step::Receive])]);
    let report = run(&emitting(&server.url())).run().code(Exit::Failed).json();
    let disconnects = &report["disconnects"];
    let count = |name: &str| disconnects[name].as_u64().unwrap();
    assert!(count("lost") > 0, "{report:#}");
    assert_eq!(count("lost"), count("back") + count("ended") + count("away"), "{disconnects:#}");
    assert_eq!(count("anew"), count("back"), "{disconnects:#}");
    assert_eq!(disconnects["outages"][0]["causes"][0]["cause"], "closed by server", "{disconnects:#}");
}

#[test]
fn a_lost_acknowledgement_times_out_instead_of_hanging() {
    assert_eq!(causes(Scripted::socketio(vec![Step::Hold])), ["emit hello: ack timeout"]);
}

#[test]
fn an_acknowledgement_that_says_no_is_a_failure() {
    let script = Scripted::socketio(vec![Step::Receive, text(r#"431[{"ok":false}]"#), Step::Hold]);
    assert_eq!(causes(script), ["emit hello: $.0.ok does not match"]);
}

#[test]
fn a_refused_namespace_is_a_refusal() {
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let script = vec![Step::Upgrade, text(open), Step::Receive, text(r#"44{"message":"no"}"#), Step::Hold];
    assert_eq!(causes(script), ["connect /: refused"]);
}

#[test]
fn a_silent_heartbeat_is_noticed() {
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":100,"pingTimeout":100}"#;
    let script = vec![Step::Upgrade, text(open), Step::Receive, text(r#"40{"sid":"s"}"#), Step::Hold];
    assert_eq!(causes(script), ["emit hello: ping timeout"]);
}

#[test]
fn an_event_that_came_before_it_was_waited_for_is_not_missed() {
    let script = Scripted::socketio(vec![
        text(r#"42["news",1]"#),
        Step::Receive,
        text("2"),
        Step::Receive,
        text(r#"431[{"ok":true}]"#),
        Step::Hold,
    ]);
    let server = Scripted::start(vec![script]);
    let file = format!("{}      - think: 60s\n", emitting(&server.url()));
    let report = run(&file).run().code(Exit::Done).json();
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
    let receive =
        &report["rows"].as_array().unwrap().iter().find(|row| row["name"] == "receive news").unwrap();
    assert_eq!(receive["count"], 1, "{report:#}");
    assert!(
        server.received().iter().any(|message| message == "3"),
        "the ping was answered: {:?}",
        server.received()
    );
}

/// All of a shipped scenario's rows are reached, by several users, without a failure.
#[track_caller]
fn plays_without_a_failure(name: &str, users: &str, duration: &str) {
    let server = ReferenceServer::start();
    let file = format!("{}/scenarios/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let args = ["loadtest", "run", &file, "--target", server.url(), "--users", users, "--duration", duration];
    let output = Scalectl::new(args).arg("--ramp").arg("1s").arg("--output").arg("json").run();
    let report = output.json();
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
    for row in report["rows"].as_array().unwrap() {
        assert!(row["count"].as_u64().unwrap() > 0, "{} was never reached: {report:#}", row["name"]);
    }
}

#[test]
fn the_feed_scenario_reaches_every_step() {
    plays_without_a_failure("feed", "4", "18s");
}

#[test]
fn the_chess_scenario_plays_games_to_mate() {
    plays_without_a_failure("chess", "6", "24s");
}

#[test]
fn the_chat_scenario_delivers_messages() {
    plays_without_a_failure("chat", "6", "8s");
}

/// Its deploy comes in the middle, however short the load is, and costs what was said to those who were away: no more.
#[test]
fn the_rollout_scenario_takes_everybody_away_and_gets_everybody_back() {
    let server = ReferenceServer::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/rollout.yaml");
    let run = |duration: &str| {
        let args = ["loadtest", "run", file, "--target", server.url(), "--users", "8", "--ramp", "1s"];
        Scalectl::new(args).arg("--output").arg("json").arg("--duration").arg(duration).run()
    };
    let report = run("25s").code(Exit::Done).json();
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
    let storm = &report["storms"][0];
    assert_eq!((&storm["atSeconds"], &storm["cut"], &storm["back"]), (&json!(10.0), &json!(8), &json!(8)));
    let fanout = &report["fanouts"][0]["total"];
    assert!(fanout["delivered"].as_u64() > Some(300), "{fanout:#}");
    assert_eq!(fanout["lost"], storm["missed"], "{fanout:#} {storm:#}");
    run("15s").code(Exit::Usage).stderr_has("the load is over before this storm is: it lasts 15.0s");
}

#[test]
fn a_user_that_never_waits_answers_pings() {
    let messages = vec![Step::Receive; 5_000];
    let server =
        Scripted::start(vec![Scripted::socketio([vec![text("2")], messages, vec![Step::Hold]].concat())]);
    let file = format!(
        "config:\n  target: \"{}\"\nscenarios:\n  - engine: socketio\n    flow:\n      - loop:\n          - emit: [busy]\n        \
         while: \"true\"\n",
        server.url()
    );
    run(&file).run().code(Exit::Done);
    assert!(server.received().iter().any(|message| message == "3"), "{} messages", server.received().len());
}

#[test]
fn the_reference_server_takes_every_way() {
    let server = ReferenceServer::start();
    let file = format!(
        "config:\n  target: \"{}\"\n  socketio: {{transport: {{websocket: 34, polling: 33, upgrade: 33}}}}\nscenarios:\n  \
         - engine: socketio\n    flow:\n      - post: {{url: /api/auth/guest, json: {{name: player}}, capture: {{json: $.token, \
         as: token}}}}\n      - connect: {{auth: {{token: \"{{{{ token }}}}\"}}}}\n      - loop:\n          - emit: {{channel: \
         \"room:join\", data: {{room: lobby}}, acknowledge: {{match: {{json: $.ok, value: true}}}}}}\n          - think: \
         200ms\n        count: 5\n      - think: 60s\n",
        server.url()
    );
    let args = ["loadtest", "run", "test.yaml", "--users", "9", "--duration", "6s", "--ramp", "0s"];
    let report =
        Scalectl::new(args).arg("--output").arg("json").file("test.yaml", file).run().code(Exit::Done).json();
    assert_eq!(report["failures"], Value::Array(vec![]), "{report:#}");
    let row =
        |name| report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(row("emit room:join")["count"], 45);
    let upgrades = row("upgrade")["count"].as_u64().unwrap();
    assert!((2..=4).contains(&upgrades), "about a third of the users: {upgrades}");
}
