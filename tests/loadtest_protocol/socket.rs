//! Socket.IO: namespaces, events, acknowledgements, packets that are none.

use serde_json::{Value, json};

use super::{closed, fails, got, holds, passes, sent, server, told};

const WAYS: [&str; 2] = ["websocket", "polling"];

/// Connects; the server got exactly `packet`, and greets with what the connection came with.
#[track_caller]
fn connects(step: &str, packet: &str, greeting: &Value) {
    for way in WAYS {
        let server = server(&json!({}), &json!({}));
        let check = format!("{{json: \"$[0]\", value: {greeting}}}");
        passes(
            &server,
            way,
            &format!(
                "- connect: {{{step}}}\n- receive: {{event: auth, match: {check}{}}}\n",
                in_namespace(packet)
            ),
        );
        assert_eq!(got(&server)[0], packet);
        assert_eq!(told(&server, "connect", "auth"), std::slice::from_ref(greeting));
        let answer = sent(&server)[0].as_str().unwrap().to_owned();
        let opening = packet.split('{').next().unwrap();
        assert!(answer.starts_with(&format!("{opening}{{\"sid\":")), "{answer}");
    }
}

fn in_namespace(packet: &str) -> &'static str {
    if packet.starts_with("0/chat,") { ", namespace: /chat" } else { "" }
}

#[test]
fn the_main_namespace_is_joined() {
    connects("", "0", &json!({}));
}

#[test]
fn the_main_namespace_is_joined_with_credentials() {
    connects("auth: {token: \"123\"}", r#"0{"token":"123"}"#, &json!({"token": "123"}));
}

#[test]
fn another_namespace_is_joined() {
    connects("namespace: /chat", "0/chat,", &json!({}));
}

#[test]
fn another_namespace_is_joined_with_credentials() {
    connects("namespace: /chat, auth: {token: abc}", r#"0/chat,{"token":"abc"}"#, &json!({"token": "abc"}));
}

#[test]
fn a_namespace_that_is_unknown_is_refused_and_told_goodbye() {
    for way in WAYS {
        let server = server(&json!({}), &json!({}));
        let (cause, sample) = fails(&server, way, "- connect: {namespace: /random}");
        assert_eq!(
            (cause.as_str(), sample.as_str()),
            ("connect /random: refused", "refused: Invalid namespace")
        );
        assert_eq!(sent(&server), [r#"4/random,{"message":"Invalid namespace"}"#]);
        assert_eq!(closed(&server), "transport close", "{way}");
    }
}

#[test]
fn an_answer_to_the_first_packet_that_is_none_ends_the_session() {
    for way in WAYS {
        let server = server(&json!({}), &json!({"instead": "abc"}));
        let (cause, sample) = fails(&server, way, "- connect: {}");
        assert_eq!(cause, "connect /: protocol error", "{way}");
        assert_eq!(sample, "protocol error: \"abc\" is no Socket.IO packet");
        assert_eq!(closed(&server), "transport close", "{way}");
    }
}

#[test]
fn a_session_in_no_namespace_is_closed_by_the_server() {
    for way in WAYS {
        let server = server(&json!({"connectTimeout": 300}), &json!({}));
        let (cause, _) = fails(&server, way, "- connect: {namespace: /locked}");
        assert_eq!(
            (cause.as_str(), closed(&server).as_str()),
            ("connect /locked: closed by server", "forced close")
        );
        assert_eq!(got(&server), ["0/locked,"], "the client asks first of all");
    }
}

#[test]
fn a_namespace_that_is_left_leaves_the_others() {
    for way in WAYS {
        let server = server(&json!({}), &json!({}));
        let flow = "- connect: {}\n- connect: {namespace: /chat}\n- emit: [kick]\n  namespace: /chat\n\
                    - emit: [echo, still here]\n  acknowledge: {match: {json: \"$[0]\", value: still here}}\n\
                    - emit: {channel: echo, data: 1, response: {channel: echo, match: {json: \"$[0]\", value: 1}}}\n";
        let report = super::user(&server, way, flow).run().json();
        let (cause, sample) = super::failure(&report);
        assert_eq!(cause, "connect /: connection lost: disconnected by server", "{report:#}");
        assert_eq!(sample, "the server ended the session in /chat");
        holds(&got(&server), &[json!(r#"2["echo",1]"#), json!("1")]);
        assert_eq!(
            (told(&server, "open", "transport").len(), closed(&server).as_str()),
            (1, "transport close")
        );
    }
}

/// Emits; the server got exactly `packets`, and sent `answer`.
#[track_caller]
fn carries(flow: &str, packets: &[Value], answer: &[Value]) {
    for way in WAYS {
        let server = server(&json!({}), &json!({}));
        passes(&server, way, flow);
        holds(&got(&server), packets);
        holds(&sent(&server), answer);
    }
}

fn placeholders(before: &str) -> Value {
    format!(r#"{before}{{"_placeholder":true,"num":0}},{{"_placeholder":true,"num":1}}]"#).into()
}

fn attached(before: &str) -> [Value; 3] {
    [placeholders(before), json!({"bytes": "AQID"}), json!({"bytes": "BAUG"})]
}

const TEXT: &str = "args: [1, \"2\", {\"3\": [true]}]";
const BYTES: &str = "args: [{$binary: AQID}, {$binary: BAUG}]";
const BYTES_BACK: &str =
    "[{json: \"$[0]['$binary']\", value: AQID}, {json: \"$[1]['$binary']\", value: BAUG}]";

#[test]
fn an_event_is_carried() {
    let flow = format!(
        "- emit: {{channel: echo, {TEXT}, response: {{channel: echo, match: {{json: \"$[2]['3'][0]\", value: true}}}}}}"
    );
    let event = [json!(r#"2["echo",1,"2",{"3":[true]}]"#)];
    carries(&flow, &event, &event);
}

#[test]
fn an_event_with_bytes_is_carried() {
    let flow =
        format!("- emit: {{channel: echo, {BYTES}, response: {{channel: echo, match: {BYTES_BACK}}}}}");
    let event = attached(r#"52-["echo","#);
    carries(&flow, &event, &event);
}

#[test]
fn an_event_is_acknowledged() {
    let flow = format!(
        "- emit: {{channel: echo, {TEXT}, acknowledge: {{match: {{json: \"$[2]['3'][0]\", value: true}}}}}}"
    );
    carries(&flow, &[json!(r#"21["echo",1,"2",{"3":[true]}]"#)], &[json!(r#"31[1,"2",{"3":[true]}]"#)]);
}

#[test]
fn an_event_with_bytes_is_acknowledged_with_bytes() {
    let flow = format!("- emit: {{channel: echo, {BYTES}, acknowledge: {{match: {BYTES_BACK}}}}}");
    carries(&flow, &attached(r#"52-1["echo","#), &attached("62-1["));
}

/// What is no packet ends the session, on both sides.
#[track_caller]
fn refuses(packet: &str) {
    for way in WAYS {
        let server = server(&json!({}), &json!({}));
        let (cause, sample) = fails(&server, way, &format!("- emit: [malformed, '{packet}']\n- think: 60s"));
        assert_eq!(cause, "connect /: connection lost: protocol error", "{way}");
        assert_eq!(sample, format!("protocol error: {packet:?} is no Socket.IO packet"));
        assert_eq!(closed(&server), "transport close", "{way}");
    }
}

#[test]
fn a_packet_of_an_unknown_type_ends_the_session() {
    refuses("abc");
}

#[test]
fn a_packet_with_a_payload_that_is_none_ends_the_session() {
    refuses("2{}");
}

#[test]
fn a_packet_with_an_acknowledgement_that_has_no_number_ends_the_session() {
    refuses(r#"2abc["echo",1,"2",{"3":[false]}]"#);
}
