//! Engine.IO v4: packets, the payloads that join them on the polling transport, and the server's refusals.
//!
//! Source: the protocol document of the Socket.IO project (engine.io-protocol v4).

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::base64;
use crate::clients::ClientError;
use crate::text::excerpt;

/// Stands between the packets of a payload.
const SEPARATOR: u8 = 0x1e;
/// Packets of one payload; a server that sends more is misbehaving.
const MAX_PACKETS: usize = 100_000;

/// What the server says first: `0{...}`. Times are milliseconds, sizes bytes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// Session id.
    pub sid: String,
    /// Transports that the session may be upgraded to.
    #[serde(default)]
    pub upgrades: Vec<String>,
    /// Time between the server's pings.
    pub ping_interval: u64,
    /// How long after a due ping the connection counts as dead.
    pub ping_timeout: u64,
    /// Largest payload the server takes on the polling transport.
    pub max_payload: Option<u64>,
}

impl Handshake {
    /// Reads the packet that a session begins with.
    pub fn decode(packet: &str) -> Result<Self, ClientError> {
        let Ok(Frame::Open(json)) = Frame::decode(packet) else {
            let words = format!("expected the Engine.IO handshake, got {}", quote(packet));
            return Err(ClientError::Protocol(words));
        };
        serde_json::from_str(json).map_err(|error| {
            ClientError::Protocol(format!("malformed Engine.IO handshake {}: {error}", quote(json)))
        })
    }
}

/// One Engine.IO packet of text.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `0`
    Open(&'a str),
    /// `1`
    Close,
    /// `2`, with the payload that the pong must repeat.
    Ping(&'a str),
    /// `3`
    Pong(&'a str),
    /// `4`, a Socket.IO packet.
    Message(&'a str),
    /// `6`
    Noop,
}

impl<'a> Frame<'a> {
    /// Splits a packet's type off.
    pub fn decode(text: &'a str) -> Result<Self, String> {
        let rest = text.get(1..).unwrap_or_default();
        match text.as_bytes().first() {
            Some(b'0') => Ok(Self::Open(rest)),
            Some(b'1') => Ok(Self::Close),
            Some(b'2') => Ok(Self::Ping(rest)),
            Some(b'3') => Ok(Self::Pong(rest)),
            Some(b'4') => Ok(Self::Message(rest)),
            Some(b'6') => Ok(Self::Noop),
            _ => Err(format!("{} is no Engine.IO packet", quote(text))),
        }
    }
}

/// One Engine.IO packet as a transport carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// Type and data.
    Text(Utf8Bytes),
    /// Bytes: always a message.
    Binary(Bytes),
}

impl Wire {
    /// What it takes in a payload.
    pub fn payload_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => 1 + base64::encoded_len(bytes.len()),
        }
    }
}

/// Joins as many packets as `limit` allows, the first at least, and takes them out of `packets`.
pub fn take_payload(packets: &mut VecDeque<Wire>, limit: usize) -> String {
    let mut payload = String::new();
    while let Some(packet) = packets.front() {
        if !payload.is_empty() && payload.len() + 1 + packet.payload_len() > limit {
            break;
        }
        if !payload.is_empty() {
            payload.push(char::from(SEPARATOR));
        }
        match packet {
            Wire::Text(text) => payload.push_str(text),
            Wire::Binary(bytes) => {
                payload.push('b');
                payload.push_str(&base64::encode(bytes));
            }
        }
        packets.pop_front();
    }
    payload
}

/// Takes a payload apart.
pub fn split_payload(payload: &Bytes) -> Result<Vec<Wire>, String> {
    let mut packets = Vec::new();
    for part in payload.split(|byte| *byte == SEPARATOR) {
        if packets.len() == MAX_PACKETS {
            return Err(format!("a payload of more than {MAX_PACKETS} packets"));
        }
        let text = std::str::from_utf8(part).map_err(|_| "a payload that is no UTF-8".to_owned())?;
        if text.is_empty() {
            return Err("a payload with an empty packet".to_owned());
        }
        packets.push(match text.strip_prefix('b') {
            None => Wire::Text(text.into()),
            Some(bytes) => {
                let decoded = base64::decode(bytes);
                Wire::Binary(decoded.ok_or_else(|| format!("{} is no base64", quote(bytes)))?.into())
            }
        });
    }
    Ok(packets)
}

/// Why an Engine.IO server answered with a status other than 200: `{"code":1,"message":"Session ID unknown"}` on
/// the polling transport, the message alone to a websocket.
pub fn refusal(status: u16, body: &[u8], what: &'static str) -> ClientError {
    #[derive(Deserialize)]
    struct Refusal {
        code: u8,
        message: String,
    }
    if let Ok(Refusal { code, message }) = serde_json::from_slice(body) {
        return ClientError::EngineIo { status, code, message };
    }
    let message = String::from_utf8_lossy(body);
    let code = REFUSALS.iter().position(|known| message.trim().eq_ignore_ascii_case(known));
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(code) => ClientError::EngineIo { status, code, message: message.trim().to_owned() },
        None => ClientError::Status { status, what },
    }
}

/// The messages of Engine.IO's error codes, by code.
const REFUSALS: [&str; 6] = [
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version",
];

/// The start of a text for a message, on one line.
pub fn quote(text: &str) -> String {
    format!("{:?}", excerpt(text))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{Frame, Wire, refusal, split_payload, take_payload};

    fn text(text: &str) -> Wire {
        Wire::Text(text.into())
    }

    #[test]
    fn the_payload_of_the_protocol_document() {
        let mut packets =
            VecDeque::from([text("4hello"), text("2"), Wire::Binary(Bytes::from_static(&[1, 2, 3, 4]))]);
        let known: Vec<Wire> = packets.iter().cloned().collect();
        let payload = take_payload(&mut packets, 1_000);
        assert_eq!(payload, "4hello\u{1e}2\u{1e}bAQIDBA==");
        assert_eq!(split_payload(&payload.into()).unwrap(), known);
    }

    #[test]
    fn a_payload_stays_within_the_limit_of_the_server() {
        let mut packets: VecDeque<Wire> = ["4aaaa", "4bbbb", "4cccc"].map(text).into();
        assert_eq!(take_payload(&mut packets, 11), "4aaaa\u{1e}4bbbb");
        assert_eq!(
            take_payload(&mut packets, 3),
            "4cccc",
            "alone, whatever its size: the server has to say no"
        );
        assert_eq!(take_payload(&mut packets, 3), "");
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in ["", "x", "é", "5", "b"] {
            assert!(Frame::decode(text).is_err(), "{text:?}");
        }
        assert!(split_payload(&Bytes::from_static(b"4a\x1ebA")).unwrap_err().ends_with("is no base64"));
        assert!(split_payload(&Bytes::from_static(b"4\xff")).is_err());
        assert!(split_payload(&Bytes::from_static(b"4a\x1e")).is_err());
    }

    #[test]
    fn a_refusal_is_told_by_its_code_or_by_its_words() {
        let cause = |status, body: &str| refusal(status, body.as_bytes(), "to a poll").cause();
        assert_eq!(cause(400, r#"{"code":1,"message":"Session ID unknown"}"#), "unknown sid");
        assert_eq!(cause(400, "Session ID unknown"), "unknown sid");
        assert_eq!(cause(403, r#"{"code":4,"message":"no origin"}"#), "forbidden by Engine.IO");
        assert_eq!(cause(502, "<html>bad gateway</html>"), "HTTP 502");
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = split_payload(&bytes.clone().into());
            let _ = Frame::decode(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn packets_come_back_in_order(
            packets in proptest::collection::vec(
                prop_oneof![
                    "4[^\u{1e}]{0,12}".prop_map(|packet| text(&packet)),
                    proptest::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| Wire::Binary(bytes.into())),
                ],
                1..8,
            ),
            limit in 0..60_usize,
        ) {
            let mut left: VecDeque<Wire> = packets.clone().into();
            let mut back = Vec::new();
            while !left.is_empty() {
                let payload = take_payload(&mut left, limit);
                let split = split_payload(&payload.clone().into()).unwrap();
                prop_assert!(payload.len() <= limit || split.len() == 1);
                back.extend(split);
            }
            prop_assert_eq!(back, packets);
        }
    }
}
