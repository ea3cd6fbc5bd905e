//! Plain websockets under load, against a real server in Node and against a server that misbehaves.

use scalectl::Exit;
use serde_json::{Value, json};

use crate::support::faults::{Scripted, Step};
use crate::support::{NodeServer, Scalectl};

fn run(file: &str) -> Scalectl {
    let args = ["loadtest", "run", "test.yaml", "--users", "1", "--duration", "2s", "--ramp", "0s"];
    Scalectl::new(args).arg("--output").arg("json").file("test.yaml", file)
}

#[track_caller]
fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name}: {report:#}"))
}

fn causes(report: &Value) -> Vec<String> {
    let failures = report["failures"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    failures.map(|failure| format!("{}: {}", text(&failure["row"]), text(&failure["cause"]))).collect()
}

#[test]
fn artillerys_words_and_ours() {
    let server = NodeServer::websocket();
    let target = server.url().replace("http", "ws");
    let file = format!(
        r#"config:
  target: "{target}/live"
  ws:
    headers: {{x-test: "yes"}}
    subprotocols: [other, scalectl]
scenarios:
  - engine: ws
    flow:
      - send: "hello"
      - receive: true
      - send: {{n: 1, late: 300}}
      - think: 50ms
      - receive:
          match: {{json: $.n, value: 1}}
          capture: {{json: $.n, as: n}}
      - send:
          payload: {{n: "{{{{ n + 1 }}}}", noise: 3}}
          match: {{json: $.noise, value: 0}}
          name: send for noise
      - receive: {{select: {{json: $.n, value: 2}}, name: receive the second}}
      - loop:
          - send: {{sent: "{{{{ $epochMicros() }}}}"}}
          - receive: {{sentAt: $.sent}}
        count: 3
      - send: {{$binary: "AAH/"}}
      - receive: {{match: {{json: "$['$binary']", value: "AAH/"}}}}
      - think: 60s
"#
    );
    let report = run(&file).run().code(Exit::Done).json();
    assert_eq!(report["failures"], json!([]), "{report:#}");
    let kinds = |name| (row(&report, name)["kind"].clone(), row(&report, name)["count"].clone());
    assert_eq!(kinds("connect"), (json!("exchange"), json!(1)));
    assert_eq!(kinds("send"), (json!("sent"), json!(6)));
    assert_eq!(kinds("receive"), (json!("exchange"), json!(6)), "an answer counts from the send");
    assert_eq!(kinds("send for noise"), (json!("exchange"), json!(1)));
    assert_eq!(kinds("receive the second"), (json!("wait"), json!(1)), "the send has had its answer");
    assert_eq!(kinds("delivery message"), (json!("delivery"), json!(3)));
    let slowest = row(&report, "receive")["service"]["max"].as_u64().unwrap();
    assert!(slowest >= 300_000, "from the send, the pause in between included: {slowest}");
    let opened = &server.seen()[0];
    assert_eq!(
        *opened,
        json!({"what": "open", "url": "/live", "cookie": null, "custom": "yes", "protocol": "scalectl"})
    );
    server.wait_to_see(|line| line["what"] == "close");
}

#[test]
fn connect_opens_where_it_says_and_sends_the_users_cookies() {
    let server = NodeServer::websocket();
    let file = format!(
        "config:\n  target: \"{}\"\nscenarios:\n  - engine: ws\n    flow:\n      - set: {{room: blue}}\n      - connect: \
         {{url: \"/rooms/{{{{ room }}}}?v=1\", headers: {{cookie: a=1}}, name: enter}}\n      - send: hello\n      - receive: \
         true\n      - think: 60s\n",
        server.url()
    );
    let report = run(&file).run().code(Exit::Done).json();
    assert_eq!(row(&report, "enter")["count"], 1);
    assert_eq!(
        (&server.seen()[0]["url"], &server.seen()[0]["cookie"]),
        (&json!("/rooms/blue?v=1"), &json!("a=1"))
    );
}

#[test]
fn what_goes_wrong_has_its_cause() {
    let server = NodeServer::websocket();
    let flow = |steps: &str| {
        format!("config:\n  target: \"{}\"\nscenarios:\n  - engine: ws\n    flow:\n{steps}", server.url())
    };
    let run_causes = |steps: &str| causes(&run(&flow(steps)).run().code(Exit::Failed).json());
    let late = "      - send: {late: 5000}\n      - receive: {timeout: 200ms}\n";
    assert_eq!(run_causes(late), ["receive: message timeout"]);
    let wrong = "      - send: {n: 1}\n      - receive: {match: {json: $.n, value: 2}}\n";
    assert_eq!(run_causes(wrong), ["receive: $.n does not match"]);
    let closed = "      - send: {close: 4000}\n      - receive: true\n";
    assert_eq!(run_causes(closed), ["receive: closed by server"]);
    let idle = "      - send: {close: 4000}\n      - think: 60s\n";
    assert_eq!(run_causes(idle), ["connect: connection lost: closed by server"]);
    let refusing = Scripted::start(vec![vec![
        Step::Head,
        Step::Bytes(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_vec()),
    ]]);
    let file = flow("      - send: hello\n").replace(server.url(), &refusing.url());
    assert_eq!(causes(&run(&file).run().code(Exit::Failed).json()), ["connect: HTTP 401"]);
}

#[test]
fn steps_of_the_other_engine_are_refused_with_their_place() {
    let file = "config:\n  target: http://127.0.0.1:1\nscenarios:\n  - engine: ws\n    flow:\n      - emit: [a]\n      \
                - receive: news\n      - connect: {namespace: /x}\n  - engine: socketio\n    flow:\n      - send: a\n      \
                - connect: /path\n      - receive: true\n";
    let output = Scalectl::new(["loadtest", "validate", "test.yaml"]).file("test.yaml", file).run();
    output.code(Exit::Usage);
    for expected in [
        "`emit` needs `engine: socketio` on its scenario",
        "messages of a plain websocket have no name; write `receive: true`",
        "`namespace` and `auth` belong to `engine: socketio`",
        "`send` needs `engine: ws` on its scenario",
        "a path belongs to `engine: ws`; Socket.IO's is `config.socketio.path`",
        "`receive` needs the name of an event",
    ] {
        assert!(output.stderr.contains(expected), "{expected}\n{}", output.stderr);
    }
}
