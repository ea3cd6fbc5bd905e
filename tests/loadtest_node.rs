//! Socket.IO against the real servers of the Socket.IO project, in Node: what both sides saw.

use std::time::Duration;

use rustix::process::Signal;
use scalectl::Exit;
use serde_json::{Value, json};

use crate::support::{NodeServer, RedisServer, STARTUP, Scalectl, wait_until};

/// A scenario of one user: `config` are lines of `config.socketio`, `flow` its steps.
fn scenario(target: &str, config: &str, flow: &str) -> String {
    format!(
        "config:\n  target: \"{target}\"\n  socketio:\n    timeout: 10s\n{}scenarios:\n  - engine: socketio\n    flow:\n{}",
        indented(config, 4),
        indented(flow, 6)
    )
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}

/// One user for one iteration: the last step of the flow waits for the end.
fn once(file: &str) -> Scalectl {
    let args = ["loadtest", "run", "test.yaml", "--users", "1", "--duration", "3s", "--ramp", "0s"];
    Scalectl::new(args).arg("--output").arg("json").file("test.yaml", format!("{file}      - think: 60s\n"))
}

/// Runs a scenario that must go well, and gives the report.
#[track_caller]
fn report(target: &str, config: &str, flow: &str) -> Value {
    let report = once(&scenario(target, config, flow)).run().code(Exit::Done).json();
    assert_eq!(report["failures"], json!([]), "{report:#}");
    report
}

#[track_caller]
fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name}: {report:#}"))
}

#[track_caller]
fn causes(report: &Value) -> Vec<String> {
    let failures = report["failures"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    failures.map(|failure| format!("{}: {}", text(&failure["row"]), text(&failure["cause"]))).collect()
}

/// What every transport must carry: an acknowledgement, an event in answer, both at once, several packets, bytes,
/// the server's own wish for an acknowledgement, a second namespace with credentials.
const EVERYTHING: &str = r#"- connect: {}
- emit: [echo, hello, {n: 1}]
  acknowledge: {match: [{json: "$[0]", value: hello}, {json: "$[1].n", value: 1}]}
- emit: {channel: echo, data: back, response: {channel: echo, match: {json: "$[0]", value: back}}}
- emit:
    channel: both
    data: 7
    acknowledge: {match: {json: "$[0]", value: 7}}
    response: {channel: answer, match: {json: "$[0]", value: 7}}
- emit: [echo, {file: {$binary: "AAEC/w=="}, more: [{$binary: ""}]}]
  acknowledge: {match: [{json: "$[0].file['$binary']", value: "AAEC/w=="}, {json: "$[0].more[0]['$binary']", value: ""}]}
- emit: [many, 30]
  acknowledge: true
- loop:
    - receive: {event: number, match: {json: "$[0]", value: "{{ $loopElement }}"}}
  over: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]
- emit: [ask, unheard]
- receive: {event: asked, match: {json: "$[0]", value: null}}
- emit: [ask, question, 41]
- receive: {event: question, capture: {json: "$[0]", as: asked}, acknowledge: ["{{ asked + 1 }}", {$binary: "AQ=="}]}
- receive: {event: asked, match: {json: "$[0]", value: 42}}
- connect: {namespace: /admin, auth: {token: secret}}
- emit: [echo, "über"]
  namespace: /admin
  acknowledge: {match: {json: "$[0]", value: "über"}}
"#;

/// The user has left each namespace before it closed.
#[track_caller]
fn says_goodbye(server: &NodeServer) {
    for nsp in ["/", "/admin"] {
        let left = json!({"what": "disconnect", "nsp": nsp, "reason": "client namespace disconnect"});
        server.wait_to_see(|line| *line == left);
    }
    server.wait_to_see(|line| line["what"] == "close" && line["reason"] == "transport close");
}

#[test]
fn a_websocket_from_the_start_carries_everything() {
    let server = NodeServer::socketio(&json!({"options": {"transports": ["websocket"]}}));
    report(server.url(), "transport: websocket", EVERYTHING);
    let opened: Vec<_> = server.seen().into_iter().filter(|line| line["what"] == "open").collect();
    assert_eq!(opened, [json!({"what": "open", "transport": "websocket"})]);
    assert_eq!(server.count("upgrade"), 0);
    says_goodbye(&server);
}

#[test]
fn polling_alone_carries_everything_within_the_servers_limit() {
    let options = json!({"transports": ["polling"], "maxHttpBufferSize": 400});
    let server = NodeServer::socketio(&json!({"options": options}));
    // Together the attachments are larger than what a POST may hold.
    let bytes = format!("{{$binary: \"{}\"}}", "AAAA".repeat(40));
    let large = format!(
        "- emit: [echo, [{}]]\n  acknowledge: {{match: {{json: \"$[0][5]['$binary']\", value: \"{}\"}}}}\n",
        vec![bytes; 6].join(", "),
        "AAAA".repeat(40)
    );
    report(server.url(), "transports: [polling]", &format!("{EVERYTHING}{large}"));
    // The server closes a session that has two GETs or two POSTs under way at once, or sends too much at once.
    assert_eq!((server.count("open"), server.count("refused")), (1, 0));
    server.wait_to_see(|line| line["what"] == "got" && line["data"].is_object());
    says_goodbye(&server);
}

#[test]
fn polling_goes_over_to_a_websocket_without_losing_anything() {
    let server = NodeServer::socketio(&json!({}));
    let flow = format!(
        "{EVERYTHING}- think: 500ms\n- emit: [transport]\n  acknowledge: {{match: {{json: \"$[0]\", value: websocket}}}}\n"
    );
    let report = report(server.url(), "transports: [polling, websocket]", &flow);
    assert_eq!(
        (&row(&report, "upgrade")["count"], &row(&report, "upgrade")["kind"]),
        (&json!(1), &json!("wait"))
    );
    let order: Vec<_> = server
        .seen()
        .iter()
        .filter(|line| line["what"] == "open" || line["what"] == "upgrade")
        .cloned()
        .collect();
    let expected = [
        json!({"what": "open", "transport": "polling"}),
        json!({"what": "upgrade", "transport": "websocket"}),
    ];
    assert_eq!(order, expected);
}

#[test]
fn a_server_without_websockets_keeps_the_session_on_polling() {
    let server = NodeServer::socketio(&json!({"options": {"transports": ["polling"]}}));
    let report = report(server.url(), "transport: upgrade", EVERYTHING);
    assert_eq!(row(&report, "upgrade")["count"], 0, "the handshake offers none, and none is tried");
}

#[test]
fn users_are_spread_over_the_ways_by_their_shares() {
    let server = NodeServer::socketio(&json!({}));
    let file = scenario(
        server.url(),
        "transport: {websocket: 70, polling: 10, upgrade: 20}",
        "- connect: {}\n- emit: [echo, 1]\n  acknowledge: true\n- think: 60s",
    );
    let args = ["loadtest", "run", "test.yaml", "--users", "20", "--duration", "3s", "--ramp", "0s"];
    let report =
        Scalectl::new(args).arg("--output").arg("json").file("test.yaml", file).run().code(Exit::Done).json();
    assert_eq!(report["failures"], json!([]), "{report:#}");
    let opened = |transport| {
        server.seen().iter().filter(|line| line["what"] == "open" && line["transport"] == transport).count()
    };
    let (websocket, polling) = (opened("websocket"), opened("polling"));
    assert!((13..=15).contains(&websocket) && websocket + polling == 20, "{websocket} and {polling}");
    assert!((3..=5).contains(&server.count("upgrade")));
}

#[test]
fn a_namespace_refuses_with_its_own_words() {
    let server = NodeServer::socketio(&json!({}));
    for way in ["websocket", "polling"] {
        let file = scenario(
            server.url(),
            &format!("transport: {way}"),
            "- connect: {namespace: /admin, auth: {token: wrong}}",
        );
        let report = once(&file).run().code(Exit::Failed).json();
        assert_eq!(causes(&report), ["connect /admin: refused"], "{report:#}");
        assert_eq!(report["failures"][0]["sample"], "refused: not an administrator");
        let file = scenario(server.url(), &format!("transport: {way}"), "- connect: {namespace: /nowhere}");
        let report = once(&file).run().code(Exit::Failed).json();
        assert_eq!(report["failures"][0]["sample"], "refused: Invalid namespace");
    }
}

#[test]
fn heartbeats_are_answered_and_a_silent_server_is_a_ping_timeout() {
    let server = NodeServer::socketio(&json!({"options": {"pingInterval": 300, "pingTimeout": 500}}));
    for way in ["websocket", "polling", "upgrade"] {
        report(
            server.url(),
            &format!("transport: {way}"),
            "- connect: {}\n- think: 2s\n- emit: [echo, 1]\n  acknowledge: true",
        );
    }
    assert!(server.seen().iter().all(|line| line["reason"] != "ping timeout"), "{:#?}", server.seen());
    let before = server.count("connect");
    let running = once(&scenario(server.url(), "", "- connect: {}")).spawn();
    wait_until("the user to connect", STARTUP, || server.count("connect") > before);
    server.signal(Signal::STOP);
    let output = running.wait(Duration::from_secs(30));
    server.signal(Signal::CONT);
    assert!(
        causes(&output.json()).contains(&"connect /: connection lost: ping timeout".to_owned()),
        "{}",
        output.stdout
    );
}

#[test]
fn a_lost_acknowledgement_is_a_timeout() {
    let server = NodeServer::socketio(&json!({}));
    for way in ["websocket", "polling"] {
        let flow = "- emit: [silence]\n  acknowledge: {timeout: 300ms}";
        let report =
            once(&scenario(server.url(), &format!("transport: {way}"), flow)).run().code(Exit::Failed).json();
        assert_eq!(causes(&report), ["emit silence: ack timeout"]);
    }
}

#[test]
fn a_server_that_ends_the_session_is_not_bothered_again() {
    let server = NodeServer::socketio(&json!({}));
    let file = scenario(server.url(), "reconnection: true", "- emit: [kick]\n- think: 60s");
    let report = once(&file).run().code(Exit::Failed).json();
    assert_eq!(causes(&report), ["connect /: connection lost: disconnected by server"]);
    assert_eq!(row(&report, "reconnect")["count"], 0);
}

/// Comes back after the server has dropped the connection, and goes on.
const DROPPED: &str = r#"- connect: {}
- emit: [join, room]
  acknowledge: true
- emit: [publish, room, first]
- receive: {event: published, match: {json: "$[0]", value: first}}
- emit: [drop, room]
- think: 1500ms
- emit: [echo, back]
  acknowledge: {match: {json: "$[0]", value: back}}
"#;

const QUICK: &str = "reconnection: true\nreconnectionDelay: 300\nreconnectionDelayMax: 600ms\n";

#[test]
fn a_dropped_connection_comes_back_and_joins_its_namespaces() {
    let server = NodeServer::socketio(&json!({}));
    let flow = format!("- connect: {{namespace: /admin, auth: {{token: secret}}}}\n{DROPPED}");
    for way in ["websocket", "polling", "upgrade"] {
        let report = once(&scenario(server.url(), &format!("{QUICK}transport: {way}"), &flow))
            .run()
            .code(Exit::Failed)
            .json();
        assert_eq!(
            causes(&report),
            ["connect /admin: connection lost: closed by server"],
            "{way}: {report:#}"
        );
        let back = row(&report, "reconnect");
        assert_eq!((&back["count"], &back["errors"]), (&json!(1), &json!(0)), "{way}: {report:#}");
        assert!(back["response"]["min"].as_u64().unwrap() >= 150_000, "half of the delay at least: {back}");
    }
    let joined =
        |nsp| server.seen().iter().filter(|line| line["what"] == "connect" && line["nsp"] == nsp).count();
    assert_eq!((joined("/"), joined("/admin")), (6, 6));
}

/// A session that the server restores: what was missed comes, and the rooms are there.
#[track_caller]
fn recovers(settings: &Value) {
    let server = NodeServer::socketio(settings);
    let flow = format!(
        "{DROPPED}- receive: {{event: published, match: {{json: \"$[0]\", value: while away}}}}\n\
         - emit: [publish, room, last]\n- receive: {{event: published, match: {{json: \"$[0]\", value: last}}}}\n"
    );
    let file = scenario(server.url(), QUICK, &flow);
    let report = once(&file).run().code(Exit::Failed).json();
    assert_eq!(causes(&report), ["connect /: connection lost: closed by server"], "{report:#}");
    assert_eq!(row(&report, "reconnect, recovered")["count"], 1, "{report:#}");
    assert_eq!(row(&report, "reconnect")["count"], 0);
    server.wait_to_see(|line| line["what"] == "connect" && line["recovered"] == true);
}

#[test]
fn a_session_is_recovered_with_what_was_missed() {
    let options = json!({"connectionStateRecovery": {"maxDisconnectionDuration": 60_000}});
    recovers(&json!({"options": options}));
}

#[test]
fn a_session_is_recovered_from_redis_streams() {
    let redis = RedisServer::start();
    let options = json!({"connectionStateRecovery": {"maxDisconnectionDuration": 60_000}});
    let settings = json!({"options": options, "adapter": "streams", "redis": redis.url()});
    recovers(&settings);
}

#[test]
fn a_server_that_stays_away_is_given_up_after_the_attempts() {
    let server = NodeServer::socketio(&json!({}));
    let config = "reconnection: true\nreconnectionDelay: 100\nreconnectionAttempts: 2\n";
    let running = once(&scenario(server.url(), config, "- connect: {}")).spawn();
    wait_until("the user to connect", STARTUP, || server.count("connect") > 0);
    drop(server);
    let report = running.wait(Duration::from_secs(30)).json();
    let causes = causes(&report);
    for cause in [
        "reconnect: connection refused",
        "connect /: connection lost: gave up reconnecting",
        "connect /: connection refused",
    ] {
        assert!(causes.contains(&cause.to_owned()), "{cause}: {report:#}");
    }
    assert_eq!(row(&report, "reconnect")["errors"], 2, "{report:#}");
}

/// Two servers that share Redis.
fn pair(redis: &RedisServer, adapter: &str) -> [NodeServer; 2] {
    let settings = json!({"adapter": adapter, "redis": redis.url()});
    [NodeServer::socketio(&settings), NodeServer::socketio(&settings)]
}

#[test]
fn two_nodes_behind_a_sticky_balancer_serve_every_transport() {
    let redis = RedisServer::start();
    for adapter in ["redis", "streams"] {
        let nodes = pair(&redis, adapter);
        let balancer = NodeServer::balancer(true, &[&nodes[0], &nodes[1]]);
        let flow = format!(
            "{EVERYTHING}- emit: [join, all]\n  acknowledge: true\n- think: 500ms\n- emit: [publish, all, \"{{{{ $user }}}}\"]\n\
             - loop:\n    - receive: published\n  count: 4\n- think: 60s\n"
        );
        let file = scenario(balancer.url(), "transport: {websocket: 50, polling: 25, upgrade: 25}", &flow);
        let args = ["loadtest", "run", "test.yaml", "--users", "4", "--duration", "5s", "--ramp", "0s"];
        let report = Scalectl::new(args)
            .arg("--output")
            .arg("json")
            .file("test.yaml", file)
            .run()
            .code(Exit::Done)
            .json();
        assert_eq!(report["failures"], json!([]), "{adapter}: {report:#}");
        assert_eq!(row(&report, "receive published")["count"], 16, "everybody hears everybody: {report:#}");
        assert!(nodes.iter().all(|node| node.count("open") > 0), "both nodes have users");
    }
}

#[test]
fn without_stickiness_a_session_is_unknown_on_the_other_node() {
    let redis = RedisServer::start();
    let nodes = pair(&redis, "redis");
    let balancer = NodeServer::balancer(false, &[&nodes[0], &nodes[1]]);
    let file = scenario(
        balancer.url(),
        "transport: polling",
        "- connect: {}\n- emit: [echo, 1]\n  acknowledge: true",
    );
    let report = once(&file).run().code(Exit::Failed).json();
    assert_eq!(causes(&report), ["connect /: unknown sid"], "{report:#}");
    let sample = report["failures"][0]["sample"].as_str().unwrap();
    assert_eq!(sample, "the Engine.IO server answered HTTP 400, code 1: Session ID unknown");
    report_is_clean_on_websockets(&balancer);
}

/// A websocket is one connection to one node: it needs no stickiness.
#[track_caller]
fn report_is_clean_on_websockets(balancer: &NodeServer) {
    report(balancer.url(), "transport: websocket", EVERYTHING);
}

#[test]
fn one_jar_of_cookies_serves_http_polling_upgrade_and_the_way_back() {
    let server = NodeServer::socketio(&json!({"cookie": "route=n1; Path=/"}));
    let file = scenario(server.url(), &format!("{QUICK}transport: upgrade"), DROPPED);
    once(&file).run().code(Exit::Failed);
    let handshakes: Vec<_> = server.seen().into_iter().filter(|line| line["what"] == "handshake").collect();
    let cookies: Vec<_> = handshakes.iter().map(|line| line["cookie"].clone()).collect();
    assert_eq!(cookies[0], Value::Null);
    assert!(cookies.len() >= 2 && cookies[1..].iter().all(|cookie| cookie == "route=n1"), "{handshakes:#?}");
}

#[test]
fn artillerys_own_words_mean_what_they_mean_there() {
    let server = NodeServer::socketio(&json!({"options": {"path": "/custom"}}));
    let flow = r#"- namespace: /chat
  emit:
    channel: echo
    data: Hello from Artillery
  response:
    channel: echo
    data: Hello from Artillery
- namespace: /chat
  emit: {channel: echo, data: {name: Artillery}}
  acknowledge:
    match: {json: "$.0.name", value: Artillery}
- emit:
    channel: both
    data: {answer: 42}
    response: {channel: answer, match: {json: $.answer, value: 42}, capture: {json: $.answer, as: found}}
  acknowledge: {data: {answer: 42}}
- emit: [echo, "{{ found }}"]
  acknowledge: {data: 42}
- emit: {channel: echo}
  acknowledge: {match: {json: "$.0", value: null}}
- emit: [echo]
  acknowledge: true
"#;
    let config = "path: /custom\nquery: \"user=7&color=blue\"\ntransports: [websocket]\nextraHeaders: {x-client-id: abc}\n";
    let report = report(server.url(), config, flow);
    let names: Vec<_> =
        report["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["connect /chat", "emit echo", "connect /", "emit both"]);
    let url = server.seen()[0]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("/custom/?") && url.contains("user=7") && url.contains("color=blue"), "{url}");
    // Handlers of such files count on the place of `data`, also where a step has none; a list has what it has.
    let packets = server.seen();
    let sent =
        |text| packets.iter().any(|line| line["data"].as_str().is_some_and(|data| data.ends_with(text)));
    assert!(sent(r#"["echo",null]"#) && sent(r#"["echo"]"#), "{packets:#?}");
}

#[test]
fn an_answer_that_differs_from_its_data_is_a_failure() {
    let server = NodeServer::socketio(&json!({}));
    let flow = "- emit: [echo, 1]\n  response: {channel: echo, data: 2}";
    let report = once(&scenario(server.url(), "", flow)).run().code(Exit::Failed).json();
    assert_eq!(causes(&report), ["emit echo: $[0] does not match"]);
}
