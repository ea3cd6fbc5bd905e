//! Fan-out: servers that lose, repeat and swap what is published, and the report that counts exactly that.

use scalectl::Exit;
use serde_json::{Value, json};

use crate::schemas::conforms;
use crate::support::{NodeServer, RedisServer, Scalectl};

/// All users join one room of their own `{{ room }}`, and go through `flow`.
fn scenario(target: &str, room: &str, flow: &str, slo: &str) -> String {
    let flow: String = flow.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "config:\n  target: \"{target}\"\nscenarios:\n  - engine: socketio\n    flow:\n      - set: {{room: \"{room}\"}}\n      \
         - emit: [join, \"{{{{ room }}}}\"]\n        acknowledge: true\n{flow}      - think: 60s\n{slo}"
    )
}

fn run(file: &str, users: &str, args: &[&str]) -> Scalectl {
    let fixed = ["loadtest", "run", "test.yaml", "--duration", "6s", "--ramp", "0s", "--output", "json"];
    let all: Vec<&str> = [&fixed[..], &["--users", users], args].concat();
    Scalectl::new(all).file("test.yaml", file)
}

/// One fan-out's sum in a few figures.
fn figures(sum: &Value) -> Value {
    let names = ["listeners", "sent", "expected", "delivered", "lost", "duplicates", "outOfOrder"];
    names.iter().map(|name| sum[*name].clone()).collect()
}

/// User 1 publishes for the three others.
const ONE_FOR_ALL: &str = r#"- if: $user == 1
  then:
    - think: 1s
    - fanout:
        channel: publish
        args: ["{{ room }}", {text: hello}]
        stamp: $[1]._stamp
        event: published
        room: "{{ room }}"
        role: publisher
        count: 100
        every: 20ms
  else:
    - fanout: {event: published, room: "{{ room }}", stampAt: $._stamp}"#;

#[test]
fn what_the_server_does_to_messages_is_counted_exactly() {
    let faults = json!({"drop": [10, 0], "twice": [20, 5], "swap": [25, 7]});
    let server = NodeServer::socketio(&json!({"faults": faults}));
    let file = scenario(server.url(), "lobby", ONE_FOR_ALL, "");
    let output = run(&file, "4", &["--report", "html=report.html", "--report", "markdown=report.md"]).run();
    let report = output.code(Exit::Failed).json();
    conforms("loadtest-report.json", &report);
    let fanout = &report["fanouts"][0];
    // The hundredth, which nobody gets, is the last one.
    assert_eq!(figures(&fanout["total"]), json!([3, 100, 300, 270, 30, 15, 12]), "{report:#}");
    assert_eq!(
        (&fanout["rooms"], &fanout["publishers"], &fanout["ahead"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(fanout["sizes"][0]["name"], "2-10");
    assert_eq!(fanout["worstRooms"][0]["name"], "lobby");
    assert!(fanout["total"]["delivery"]["p99"].as_u64().unwrap() > 0, "{fanout:#}");
    let row =
        report["rows"].as_array().unwrap().iter().find(|row| row["name"] == "fanout published").unwrap();
    assert_eq!((&row["kind"], &row["count"]), (&json!("delivery"), &json!(270)));
    let slo: Vec<_> =
        report["slo"].as_array().unwrap().iter().map(|slo| (&slo["slo"], &slo["outcome"])).collect();
    assert_eq!(slo[0], (&json!("errors < 1% (default)"), &json!("passed")));
    assert_eq!(slo[1], (&json!("loss < 1% (default)"), &json!("failed")));
    let read = |name| std::fs::read_to_string(output.path(name)).unwrap();
    let line = "| fanout published | 3 | 100 | 300 | 30 (10.00 %) | 15 | 12 |";
    assert!(read("report.md").contains(line), "{}", read("report.md"));
    let page = read("report.html");
    assert!(page.contains("<h2>Fan-out</h2>") && page.contains("<td>30 (10.00 %)</td>"));
}

/// Everybody says something to the others in the same room; the server forwards the text alone.
const ALL_FOR_ALL: &str = r#"- fanout: {event: said, room: "{{ room }}"}
- think: 1s
- fanout:
    channel: say
    data: {room: "{{ room }}", text: "hello from {{ $user }}"}
    stamp: text
    event: said
    room: "{{ room }}"
    count: 20
    every: 50ms"#;

#[test]
fn users_of_two_processes_hear_each_other() {
    let server = NodeServer::socketio(&json!({}));
    let slo = "slo:\n  - loss of \"fanout said\" < 0.1%\n  - duplicates < 0.1%\n  - disorder < 0.1%\n  - p99 of fanout said < 5s\n";
    // Users 1 and 2 are of different processes, and of one room.
    let file = scenario(server.url(), "room {{ ($user - 1) // 2 }}", ALL_FOR_ALL, slo);
    let report = run(&file, "4", &["--workers", "2"]).run().code(Exit::Done).json();
    let fanout = &report["fanouts"][0];
    assert_eq!(figures(&fanout["total"]), json!([4, 80, 80, 80, 0, 0, 0]), "{report:#}");
    assert_eq!((&fanout["rooms"], &fanout["publishers"]), (&json!(2), &json!(4)));
    assert_eq!(report["generator"]["processes"], 2);
}

/// Whoever is on the other node hears nothing at all: the commonest of all mistakes.
#[test]
fn a_missing_adapter_is_loss() {
    let figures_of = |settings: Value| {
        let nodes = [NodeServer::socketio(&settings), NodeServer::socketio(&settings)];
        let balancer = NodeServer::balancer(false, &[&nodes[0], &nodes[1]]);
        let file = scenario(balancer.url(), "lobby", ALL_FOR_ALL, "slo: [loss < 1%]\n");
        let report = run(&file, "4", &[]).run().json();
        (figures(&report["fanouts"][0]["total"]), report["verdict"].clone())
    };
    let lone = figures_of(json!({}));
    assert_eq!(lone, (json!([4, 80, 240, 80, 160, 0, 0]), json!("failed")));
    let redis = RedisServer::start();
    let paired = figures_of(json!({"adapter": "redis", "redis": redis.url()}));
    assert_eq!(paired, (json!([4, 80, 240, 240, 0, 0, 0]), json!("passed")));
}

#[test]
fn mistakes_in_the_step_are_told_with_their_places() {
    let file = r#"config: {target: "http://127.0.0.1:1"}
before:
  engine: socketio
  flow: [{fanout: {event: e}}]
scenarios:
  - flow: [{fanout: {event: e}}]
  - engine: socketio
    flow:
      - fanout: {event: e, role: publisher}
      - fanout: {event: e, every: 1s, role: subscriber}
      - fanout: {event: e, channel: c, data: text}
      - fanout: {event: e, channel: c, stamp: $..x}
      - fanout: {event: e, channel: c, count: 5-10}
      - fanout: {event: e, linger: 1m}
slo:
  - {check: loss < 1%, over: 5s}
  - loss of "emit c" < 1%
  - p95 of tag area=shop < 1s
  - {preset: api}
  - {preset: apis}
  - {over: 5s}
"#;
    let output = Scalectl::new(["loadtest", "validate", "test.yaml"]).file("test.yaml", file).run();
    let told: Vec<&str> =
        output.code(Exit::Usage).stderr.lines().filter(|line| line.contains("-->")).collect();
    let places = told.iter().map(|line| line.trim().trim_start_matches("--> ")).collect::<Vec<_>>();
    assert_eq!(places.len(), 14, "{}", output.stderr);
    for (place, message) in [
        ("4:", "`fanout` belongs into a scenario"),
        ("6:", "`fanout` needs `engine: socketio`"),
        ("9:", "whoever publishes needs the `channel`"),
        ("10:", "`every` belongs to whoever publishes"),
        ("11:", "the stamp has no place here"),
        ("12:", "`stamp` names one place"),
        ("13:", "`count` of `fanout` is no range"),
        ("14:", "`linger` is at most 8s"),
        ("16:", "what it measures is known at the end"),
        ("17:", "`loss` is measured by `fanout` steps"),
        ("18:", "no step carries the tag `area=shop`"),
        ("19:", "no step of this file sends an HTTP request"),
    ] {
        assert!(
            places.iter().any(|known| known.starts_with(&format!("test.yaml:{place}"))),
            "{place} {places:?}"
        );
        assert!(output.stderr.contains(message), "{message}: {}", output.stderr);
    }
}
