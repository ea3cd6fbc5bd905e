//! Which test is the counterpart of which item.

use std::collections::BTreeSet;

/// An item of a suite, and the test (in this file's siblings or in `loadtest_node.rs`) that is its counterpart. The
/// Socket.IO suite begins with Engine.IO's on another path: those items are marked with both names.
const ITEMS: &[(&str, &str)] = &[
    ("both, handshake, polling: a session opens", "a_session_opens_on_polling"),
    ("both, handshake, polling: another EIO", "polling_in_another_version_is_refused"),
    ("both, handshake, polling: another EIO", "a_query_that_names_the_protocols_parameters_changes_nothing"),
    ("both, handshake, polling: another transport", "polling_by_another_transport_is_refused"),
    ("both, handshake, polling: another method", "polling_by_another_method_is_refused"),
    ("both, handshake, websocket: a session opens", "a_session_opens_on_a_websocket"),
    ("both, handshake, websocket: another EIO", "a_websocket_in_another_version_is_refused"),
    ("both, handshake, websocket: another transport", "a_websocket_by_another_transport_is_refused"),
    ("Engine.IO, message, polling: one packet", "polling_carries_one_packet"),
    ("Engine.IO, message, polling: several packets", "polling_carries_several_packets_in_one_payload"),
    ("Engine.IO, message, polling: text and bytes", "polling_carries_text_and_bytes"),
    ("Engine.IO, message, polling: no packet", "polling_refuses_what_is_no_packet"),
    // The client never has two polls open: the server would close the session.
    ("Engine.IO, message, polling: two polls", "polling_alone_carries_everything_within_the_servers_limit"),
    ("Engine.IO, message, polling: two polls", "a_poll_that_somebody_else_sends_ends_the_session"),
    ("Engine.IO, message, websocket: text", "a_websocket_carries_text"),
    ("Engine.IO, message, websocket: bytes", "a_websocket_carries_bytes"),
    ("Engine.IO, message, websocket: no packet", "a_websocket_refuses_what_is_no_packet"),
    ("both, heartbeat, polling: ping and pong", "polling_answers_pings"),
    ("both, heartbeat, polling: no pong", "polling_without_an_answer_to_pings_is_a_lost_session"),
    ("both, heartbeat, polling: no pong", "polling_notices_a_server_that_has_fallen_silent"),
    ("both, heartbeat, websocket: ping and pong", "a_websocket_answers_pings"),
    ("both, heartbeat, websocket: no pong", "a_websocket_without_an_answer_to_pings_is_a_lost_session"),
    ("both, heartbeat, websocket: no pong", "heartbeats_are_answered_and_a_silent_server_is_a_ping_timeout"),
    ("both, close, polling", "polling_ends_its_session_with_a_close_packet"),
    ("both, close, polling", "polling_takes_the_servers_end"),
    ("both, close, websocket", "a_websocket_ends_its_session_by_closing"),
    ("both, close, websocket", "a_websocket_takes_the_servers_end"),
    (
        "both, upgrade: from polling to a websocket",
        "polling_goes_over_to_a_websocket_without_losing_anything",
    ),
    ("both, upgrade: a poll after it", "after_the_upgrade_nothing_is_asked_for_by_polling"),
    ("both, upgrade: a websocket after it", "after_the_upgrade_nothing_is_asked_for_by_polling"),
    ("both, upgrade: a poll after it", "after_the_upgrade_requests_of_somebody_else_do_no_harm"),
    ("both, upgrade: a websocket after it", "after_the_upgrade_requests_of_somebody_else_do_no_harm"),
    ("Socket.IO, connect: main namespace", "the_main_namespace_is_joined"),
    ("Socket.IO, connect: main namespace, payload", "the_main_namespace_is_joined_with_credentials"),
    ("Socket.IO, connect: another namespace", "another_namespace_is_joined"),
    ("Socket.IO, connect: another namespace, payload", "another_namespace_is_joined_with_credentials"),
    ("Socket.IO, connect: unknown namespace", "a_namespace_refuses_with_its_own_words"),
    ("Socket.IO, connect: unknown namespace", "a_namespace_that_is_unknown_is_refused_and_told_goodbye"),
    (
        "Socket.IO, connect: no handshake but another packet",
        "an_answer_to_the_first_packet_that_is_none_ends_the_session",
    ),
    ("Socket.IO, connect: no handshake at all", "a_session_in_no_namespace_is_closed_by_the_server"),
    ("Socket.IO, disconnect: main namespace", "a_websocket_from_the_start_carries_everything"),
    ("Socket.IO, disconnect: another namespace", "a_namespace_that_is_left_leaves_the_others"),
    ("Socket.IO, message: text", "an_event_is_carried"),
    ("Socket.IO, message: bytes", "an_event_with_bytes_is_carried"),
    ("Socket.IO, message: text, acknowledged", "an_event_is_acknowledged"),
    ("Socket.IO, message: bytes, acknowledged", "an_event_with_bytes_is_acknowledged_with_bytes"),
    ("Socket.IO, message: unknown type", "a_packet_of_an_unknown_type_ends_the_session"),
    ("Socket.IO, message: malformed payload", "a_packet_with_a_payload_that_is_none_ends_the_session"),
    (
        "Socket.IO, message: malformed id",
        "a_packet_with_an_acknowledgement_that_has_no_number_ends_the_session",
    ),
];

const TESTS: [&str; 3] =
    [include_str!("engine.rs"), include_str!("socket.rs"), include_str!("../loadtest_node.rs")];

#[test]
fn every_item_of_both_suites_has_its_test() {
    for (item, test) in ITEMS {
        let written = format!("#[test]\nfn {test}() {{");
        assert!(TESTS.iter().any(|file| file.contains(&written)), "{item}: no test {test}");
    }
    // Engine.IO's suite has 24 items. Socket.IO's has 32: 16 of those again, and 16 of its own.
    let count = |suite: &str| {
        let items: BTreeSet<_> = ITEMS.iter().map(|(item, _)| item).collect();
        items.iter().filter(|item| item.starts_with(suite)).count()
    };
    assert_eq!(["both,", "Engine.IO,", "Socket.IO,"].map(count), [16, 8, 16]);
}

#[test]
fn every_test_here_is_an_items() {
    for file in &TESTS[..2] {
        for test in file.split("#[test]\nfn ").skip(1).filter_map(|text| text.split("()").next()) {
            assert!(ITEMS.iter().any(|(_, known)| *known == test), "{test} is no item's test");
        }
    }
}
