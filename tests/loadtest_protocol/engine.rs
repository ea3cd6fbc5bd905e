//! Engine.IO: handshake, payloads, heartbeat, end, upgrade.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    PATIENCE, SEPARATOR, closed, fails, failure_of, got, holds, passes, requests_after, sent, server, told,
    user,
};
use crate::support::NodeServer;

const CONNECT: &str = "- connect: {}\n";

/// Connects and waits until the server has lost it, or the other way round.
const HOLD: &str = "- connect: {}\n- think: 60s\n";

/// Heartbeats that come often, for machines that are slow at times.
fn beating() -> Value {
    json!({"pingInterval": 300, "pingTimeout": 1_500})
}

#[track_caller]
fn opens_a_session(way: &str) -> NodeServer {
    let server = server(&json!({}), &json!({}));
    let report = passes(&server, way, CONNECT);
    let connect = &report["rows"][0];
    assert_eq!((&connect["name"], &connect["count"]), (&json!("connect /"), &json!(1)), "{report:#}");
    let url = format!("/socket.io/?EIO=4&transport={way}");
    assert_eq!(told(&server, "handshake", "url"), [url]);
    assert_eq!(told(&server, "open", "transport"), [way]);
    server
}

#[test]
fn a_session_opens_on_polling() {
    let server = opens_a_session("polling");
    let with_sid = told(&server, "request", "sid");
    assert!(with_sid.len() > 1 && with_sid[0] == false && with_sid[1..].iter().all(|sid| sid == true));
}

#[test]
fn a_session_opens_on_a_websocket() {
    let server = opens_a_session("websocket");
    assert_eq!(told(&server, "request", "transport"), ["websocket"], "one request is all it takes");
}

/// The server gets the request as `protocol` changes it: what it says to that, and what the report says.
#[track_caller]
fn refused(way: &str, protocol: &Value) -> (Vec<Value>, (String, String)) {
    let server = server(&json!({}), protocol);
    let failure = fails(&server, way, CONNECT);
    assert_eq!(told(&server, "connect", "nsp"), [json!(null); 0]);
    (told(&server, "refused", "code"), failure)
}

/// A refusal as the report tells it.
fn words(cause: &str, code: u8, message: &str) -> (Vec<Value>, (String, String)) {
    let sample = format!("the Engine.IO server answered HTTP 400, code {code}: {message}");
    (vec![json!(code)], (format!("connect /: {cause}"), sample))
}

#[test]
fn polling_in_another_version_is_refused() {
    let expected = words("unsupported protocol version", 5, "Unsupported protocol version");
    for change in [["EIO=4&", ""], ["EIO=4", "EIO=abc"]] {
        assert_eq!(refused("polling", &json!({"replace": [change]})), expected);
    }
}

/// socket.io-client takes no notice of such a query either.
#[test]
fn a_query_that_names_the_protocols_parameters_changes_nothing() {
    let server = server(&json!({}), &json!({}));
    for way in ["polling", "websocket"] {
        passes(&server, &format!("{way}, query: {{EIO: 3, transport: abc, user: 7}}"), CONNECT);
    }
    let urls = ["polling", "websocket"].map(|way| format!("/socket.io/?user=7&EIO=4&transport={way}"));
    assert_eq!(told(&server, "handshake", "url"), urls);
}

#[test]
fn polling_by_another_transport_is_refused() {
    let expected = words("unknown transport", 0, "Transport unknown");
    for change in [["&transport=polling", ""], ["transport=polling", "transport=abc"]] {
        assert_eq!(refused("polling", &json!({"replace": [change]})), expected);
    }
}

#[test]
fn polling_by_another_method_is_refused() {
    let expected = words("bad handshake method", 2, "Bad handshake method");
    for method in ["POST", "PUT"] {
        assert_eq!(refused("polling", &json!({"method": method})), expected);
    }
}

#[test]
fn a_websocket_in_another_version_is_refused() {
    for change in [["EIO=4&", ""], ["EIO=4", "EIO=abc"]] {
        let (codes, (cause, sample)) = refused("websocket", &json!({"replace": [change]}));
        assert_eq!((codes, cause.as_str()), (vec![json!(5)], "connect /: protocol error"), "{sample}");
    }
}

#[test]
fn a_websocket_by_another_transport_is_refused() {
    let expected = words("unknown transport", 0, "Transport unknown");
    for change in [["&transport=websocket", ""], ["transport=websocket", "transport=abc"]] {
        assert_eq!(refused("websocket", &json!({"replace": [change]})), expected);
    }
}

/// What polling carried to the server and to the client: the text of all payloads, the packets of each of them.
fn carried(server: &NodeServer) -> (Vec<Value>, String) {
    let payloads = told(server, "payload", "data");
    let texts: Vec<_> = payloads.iter().map(|data| data.as_str().unwrap()).collect();
    (told(server, "body", "data"), texts.join(SEPARATOR))
}

#[test]
fn polling_carries_one_packet() {
    let server = server(&json!({}), &json!({}));
    let flow = "- emit: {channel: echo, data: hello, response: {channel: echo, match: {json: \"$[0]\", value: hello}}}";
    passes(&server, "polling", flow);
    let (bodies, payloads) = carried(&server);
    assert_eq!(bodies[..2], ["40", r#"42["echo","hello"]"#]);
    assert!(payloads.contains(r#"42["echo","hello"]"#), "{payloads:?}");
}

#[test]
fn polling_carries_several_packets_in_one_payload() {
    let server = server(&json!({}), &json!({}));
    let flow = "- connect: {}\n- connect: {namespace: /chat}\n- emit: [many, 3]\n  acknowledge: true\n- loop:\n    - receive: number\n  count: 3\n";
    passes(&server, "polling", flow);
    closed(&server);
    let (bodies, payloads) = carried(&server);
    assert!(bodies.contains(&format!("41{SEPARATOR}41/chat,").into()), "{bodies:?}");
    let packets = told(&server, "payload", "data");
    let several = |data: &&Value| data.as_str().unwrap().matches(SEPARATOR).count() > 1;
    assert!(packets.iter().any(|data| several(&data)), "{payloads:?}");
}

#[test]
fn polling_carries_text_and_bytes() {
    let server = server(&json!({}), &json!({}));
    let flow = r#"- emit: {channel: echo, data: {$binary: "AQIDBA=="}, response: {channel: echo, match: {json: "$[0]['$binary']", value: "AQIDBA=="}}}"#;
    passes(&server, "polling", flow);
    let (bodies, payloads) = carried(&server);
    let both = format!(r#"451-["echo",{{"_placeholder":true,"num":0}}]{SEPARATOR}bAQIDBA=="#);
    assert!(bodies.contains(&both.as_str().into()), "{bodies:?}");
    assert!(payloads.contains(&both), "{payloads:?}");
}

#[test]
fn a_websocket_carries_text() {
    let server = server(&json!({}), &json!({}));
    let flow = "- emit: {channel: echo, data: hello, response: {channel: echo, match: {json: \"$[0]\", value: hello}}}";
    passes(&server, "websocket", flow);
    let hello = [json!(r#"2["echo","hello"]"#)];
    holds(&got(&server), &hello);
    holds(&sent(&server), &hello);
}

#[test]
fn a_websocket_carries_bytes() {
    let server = server(&json!({}), &json!({}));
    let flow = r#"- emit: {channel: echo, data: {$binary: "AQIDBA=="}, response: {channel: echo, match: {json: "$[0]['$binary']", value: "AQIDBA=="}}}"#;
    passes(&server, "websocket", flow);
    let both = [json!(r#"51-["echo",{"_placeholder":true,"num":0}]"#), json!({"bytes": "AQIDBA=="})];
    holds(&got(&server), &both);
    holds(&sent(&server), &both);
}

/// What is no packet ends the session, on both sides.
#[track_caller]
fn refuses_what_is_no_packet(way: &str) {
    let server = server(&json!({}), &json!({}));
    let (cause, sample) = fails(&server, way, "- emit: [malformedEngine, abc]\n- think: 60s");
    assert_eq!(cause, "connect /: connection lost: protocol error");
    assert_eq!(sample, "protocol error: \"abc\" is no Engine.IO packet");
    assert_eq!(closed(&server), "transport close", "{way}");
}

#[test]
fn polling_refuses_what_is_no_packet() {
    refuses_what_is_no_packet("polling");
}

#[test]
fn a_websocket_refuses_what_is_no_packet() {
    refuses_what_is_no_packet("websocket");
}

#[test]
fn a_poll_that_somebody_else_sends_ends_the_session() {
    let server = server(&json!({}), &json!({}));
    let (cause, _) = fails(&server, "polling", "- emit: [overlap]\n- think: 60s");
    assert_eq!(cause, "connect /: connection lost: closed by server");
    server.wait_to_see(|line| line["what"] == "overlap");
    assert_eq!(
        (told(&server, "overlap", "status"), closed(&server)),
        (vec![json!(400)], "transport error".into())
    );
}

#[track_caller]
fn answers_pings(way: &str) {
    let server = server(&beating(), &json!({}));
    passes(&server, way, "- emit: [heartbeats, 3]\n  acknowledge: {match: {json: \"$[0]\", value: 3}}");
    let count =
        |what: &str, kind: &str| told(&server, what, "type").iter().filter(|known| **known == kind).count();
    let (pings, pongs) = (count("sent", "ping"), count("got", "pong"));
    assert!(pongs >= 3 && pings - pongs <= 1, "{way}: {pings} pings, {pongs} pongs");
}

#[test]
fn polling_answers_pings() {
    answers_pings("polling");
}

#[test]
fn a_websocket_answers_pings() {
    answers_pings("websocket");
}

/// A client that is stopped answers no ping: the server closes, and the report says that the connection was lost.
#[track_caller]
fn loses_the_session_when_it_answers_no_ping(way: &str, causes: &[&str]) {
    let server = server(&beating(), &json!({}));
    let running = user(&server, way, HOLD).spawn();
    server.wait_to_see(|line| line["what"] == "connect");
    running.signal(Signal::STOP);
    assert_eq!(closed(&server), "ping timeout", "{way}");
    running.signal(Signal::CONT);
    let (cause, _) = failure_of(running);
    assert!(
        causes.iter().any(|known| cause == format!("connect /: connection lost: {known}")),
        "{way}: {cause}"
    );
}

#[test]
fn polling_without_an_answer_to_pings_is_a_lost_session() {
    loses_the_session_when_it_answers_no_ping(
        "polling",
        &["unknown sid", "closed by server", "ping timeout"],
    );
}

#[test]
fn a_websocket_without_an_answer_to_pings_is_a_lost_session() {
    loses_the_session_when_it_answers_no_ping("websocket", &["closed by server", "ping timeout"]);
}

#[test]
fn polling_notices_a_server_that_has_fallen_silent() {
    let server = server(&beating(), &json!({}));
    let running = user(&server, "polling", HOLD).spawn();
    server.wait_to_see(|line| line["what"] == "connect");
    server.signal(Signal::STOP);
    let report = running.wait(PATIENCE);
    server.signal(Signal::CONT);
    let failure = super::failure(&report.json());
    assert_eq!(failure.0, "connect /: connection lost: ping timeout");
    assert_eq!(failure.1, "no heartbeat from the server within 1.80s");
}

/// Nothing follows the end of a session but, on polling, the request that waits for packets, if it was under way on its own
/// connection while the one that ended the session overtook it.
#[track_caller]
fn asks_no_more(server: &NodeServer, way: &str) {
    let late = requests_after(server, "close");
    let is_crossed = way == "polling" && late.len() == 1 && late[0]["method"] == "GET";
    assert!(late.is_empty() || is_crossed, "{way}: {late:#?}");
}

/// The client ends the session; nothing is asked of the server after that.
#[track_caller]
fn says_goodbye(way: &str) {
    let server = server(&json!({}), &json!({}));
    passes(&server, way, CONNECT);
    assert_eq!(closed(&server), "transport close", "{way}");
    asks_no_more(&server, way);
    if way == "polling" {
        assert_eq!(told(&server, "body", "data"), ["40", "41", "1"]);
    }
}

#[test]
fn polling_ends_its_session_with_a_close_packet() {
    says_goodbye("polling");
}

#[test]
fn a_websocket_ends_its_session_by_closing() {
    says_goodbye("websocket");
}

/// The server ends the session; the client says so and does not ask for more.
#[track_caller]
fn takes_the_servers_end(way: &str) {
    let server = server(&json!({}), &json!({}));
    let (cause, _) = fails(&server, way, "- emit: [drop]\n- think: 60s");
    assert_eq!(
        (cause.as_str(), closed(&server).as_str()),
        ("connect /: connection lost: closed by server", "forced close")
    );
    asks_no_more(&server, way);
}

#[test]
fn polling_takes_the_servers_end() {
    takes_the_servers_end("polling");
}

#[test]
fn a_websocket_takes_the_servers_end() {
    takes_the_servers_end("websocket");
}

/// Goes on until the session is on a websocket.
const UPGRADED: &str = "- set: {now: polling}\n- connect: {}\n- loop:\n    - emit: [transport]\n      acknowledge: {capture: {json: \"$[0]\", as: now}}\n  while: \"now != 'websocket'\"\n";

#[test]
fn after_the_upgrade_nothing_is_asked_for_by_polling() {
    let server = server(&json!({}), &json!({}));
    let flow = format!(
        "{UPGRADED}- emit: [many, 5]\n  acknowledge: true\n- loop:\n    - receive: number\n  count: 5\n- emit: [echo, 1]\n  acknowledge: true\n"
    );
    passes(&server, "upgrade", &flow);
    assert_eq!(closed(&server), "transport close");
    assert_eq!(told(&server, "upgrade", "transport"), ["websocket"]);
    assert_eq!(requests_after(&server, "upgrade"), [json!(null); 0]);
    let websockets =
        told(&server, "request", "transport").into_iter().filter(|name| name == "websocket").count();
    assert_eq!((websockets, server.count("refused")), (1, 0));
}

#[test]
fn after_the_upgrade_requests_of_somebody_else_do_no_harm() {
    let server = server(&json!({}), &json!({}));
    let flow = format!(
        "{UPGRADED}- emit: [intrude]\n  acknowledge: {{match: [{{json: \"$[0]\", value: 400}}, {{json: \"$[1]\", value: closed}}]}}\n\
         - emit: [echo, still here]\n  acknowledge: {{match: {{json: \"$[0]\", value: still here}}}}\n"
    );
    passes(&server, "upgrade", &flow);
    assert_eq!((closed(&server).as_str(), server.count("close")), ("transport close", 1));
}
