//! Engine.IO v4 and Socket.IO v5 text packets.
//!
//! Source: the protocol documents of the Socket.IO project (engine.io-protocol v4, socket.io-protocol v5).
//! Payloads stay unparsed JSON text until somebody asks: under load most are never looked at.

use serde::Deserialize;
use serde_json::Value;

use crate::text::excerpt;

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
    /// Largest message the server takes.
    pub max_payload: Option<u64>,
}

/// One Engine.IO packet in a websocket text frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `0`
    Open(&'a str),
    /// `1`
    Close,
    /// `2`, with the payload that the pong must repeat.
    Ping(&'a str),
    /// `3`
    Pong,
    /// `4`, a Socket.IO packet.
    Message(&'a str),
    /// `6`
    Noop,
}

impl<'a> Frame<'a> {
    /// Splits a frame's type off.
    pub fn decode(text: &'a str) -> Result<Self, String> {
        let rest = text.get(1..).unwrap_or_default();
        match text.as_bytes().first() {
            Some(b'0') => Ok(Self::Open(rest)),
            Some(b'1') => Ok(Self::Close),
            Some(b'2') => Ok(Self::Ping(rest)),
            Some(b'3') => Ok(Self::Pong),
            Some(b'4') => Ok(Self::Message(rest)),
            Some(b'6') => Ok(Self::Noop),
            _ => Err(format!("{} is no Engine.IO packet", quote(text))),
        }
    }
}

/// The type of a Socket.IO packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// `0`
    Connect,
    /// `1`
    Disconnect,
    /// `2`, or `5` with binary attachments.
    Event,
    /// `3`, or `6` with binary attachments.
    Ack,
    /// `4`
    ConnectError,
}

/// One Socket.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Its type.
    pub kind: PacketKind,
    /// Its namespace, `/` by default.
    pub namespace: String,
    /// The acknowledgement it asks for or answers.
    pub id: Option<u32>,
    /// Binary frames that follow it.
    pub attachments: u32,
    /// JSON text: an array for events and acks, an object for the others, or empty.
    pub payload: String,
}

impl Packet {
    /// Reads `<type>[<attachments>-][/<namespace>,][<id>][<payload>]`.
    pub fn decode(text: &str) -> Result<Self, String> {
        let malformed = || format!("{} is no Socket.IO packet", quote(text));
        let (kind, binary) = match text.as_bytes().first() {
            Some(b'0') => (PacketKind::Connect, false),
            Some(b'1') => (PacketKind::Disconnect, false),
            Some(b'2') => (PacketKind::Event, false),
            Some(b'3') => (PacketKind::Ack, false),
            Some(b'4') => (PacketKind::ConnectError, false),
            Some(b'5') => (PacketKind::Event, true),
            Some(b'6') => (PacketKind::Ack, true),
            _ => return Err(malformed()),
        };
        let mut rest = &text[1..];
        let mut attachments = 0;
        if binary {
            let (count, after) = rest.split_once('-').ok_or_else(malformed)?;
            attachments = count.parse().map_err(|_| malformed())?;
            rest = after;
        }
        let (namespace, rest) = split_namespace(rest);
        let (id, payload) = split_id(rest).ok_or_else(malformed)?;
        let packet =
            Self { kind, namespace: namespace.to_owned(), id, attachments, payload: payload.to_owned() };
        if packet.is_well_formed() { Ok(packet) } else { Err(malformed()) }
    }

    /// The wire text, without the Engine.IO `4` before it.
    pub fn encode(&self) -> String {
        let kind = match (self.kind, self.attachments) {
            (PacketKind::Connect, _) => "0",
            (PacketKind::Disconnect, _) => "1",
            (PacketKind::Event, 0) => "2",
            (PacketKind::Ack, 0) => "3",
            (PacketKind::ConnectError, _) => "4",
            (PacketKind::Event, _) => "5",
            (PacketKind::Ack, _) => "6",
        };
        let attachments = match self.attachments {
            0 => String::new(),
            count => format!("{count}-"),
        };
        let namespace = match self.namespace.as_str() {
            "/" => String::new(),
            other => format!("{other},"),
        };
        let id = self.id.map(|id| id.to_string()).unwrap_or_default();
        format!("{kind}{attachments}{namespace}{id}{}", self.payload)
    }

    /// The name of an event, without parsing the rest of it.
    pub fn event_name(&self) -> Option<String> {
        let first = self.payload.strip_prefix('[')?;
        serde_json::Deserializer::from_str(first).into_iter::<String>().next()?.ok()
    }

    /// The arguments: an event's after its name, an acknowledgement's all.
    pub fn arguments(&self) -> Result<Vec<Value>, String> {
        let mut values: Vec<Value> = serde_json::from_str(&self.payload)
            .map_err(|error| format!("{} is no JSON array: {error}", quote(&self.payload)))?;
        if self.kind == PacketKind::Event && !values.is_empty() {
            values.remove(0);
        }
        Ok(values)
    }

    fn is_well_formed(&self) -> bool {
        match self.kind {
            PacketKind::Event => self.event_name().is_some() && self.payload.ends_with(']'),
            PacketKind::Ack => self.id.is_some() && self.payload.starts_with('['),
            PacketKind::Connect | PacketKind::ConnectError | PacketKind::Disconnect => true,
        }
    }
}

fn split_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    // A namespace may carry a query, which is not part of its name.
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    (namespace.split('?').next().unwrap_or(namespace), rest)
}

fn split_id(text: &str) -> Option<(Option<u32>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        0 => Some((None, text)),
        _ => Some((Some(text[..digits].parse().ok()?), &text[digits..])),
    }
}

/// The start of a text for a message, on one line.
pub fn quote(text: &str) -> String {
    format!("{:?}", excerpt(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Frame, Packet, PacketKind};

    fn packet(kind: PacketKind, namespace: &str, id: Option<u32>, payload: &str) -> Packet {
        Packet { kind, namespace: namespace.into(), id, attachments: 0, payload: payload.into() }
    }

    #[test]
    fn the_examples_of_the_protocol_document() {
        let decoded = |text| Packet::decode(text).unwrap();
        assert_eq!(decoded("0"), packet(PacketKind::Connect, "/", None, ""));
        assert_eq!(
            decoded(r#"0/admin,{"sid":"x"}"#),
            packet(PacketKind::Connect, "/admin", None, r#"{"sid":"x"}"#)
        );
        assert_eq!(
            decoded(r#"2/admin,456["project:delete",123]"#),
            packet(PacketKind::Event, "/admin", Some(456), r#"["project:delete",123]"#)
        );
        assert_eq!(decoded("3/admin,456[]"), packet(PacketKind::Ack, "/admin", Some(456), "[]"));
        assert_eq!(decoded("1/admin,"), packet(PacketKind::Disconnect, "/admin", None, ""));
        let binary = decoded(r#"51-["baz",{"_placeholder":true,"num":0}]"#);
        assert_eq!((binary.attachments, binary.event_name().as_deref()), (1, Some("baz")));
    }

    #[test]
    fn an_event_gives_its_name_and_its_arguments() {
        let event = Packet::decode(r#"2["a \"b\"",{"c":1},2]"#).unwrap();
        assert_eq!(event.event_name().as_deref(), Some("a \"b\""));
        assert_eq!(event.arguments().unwrap(), [json!({"c": 1}), json!(2)]);
        let ack = Packet::decode(r#"31[{"ok":true}]"#).unwrap();
        assert_eq!(ack.arguments().unwrap(), [json!({"ok": true})]);
    }

    #[test]
    fn malformed_packets_are_refused_with_a_quote_of_them() {
        for text in ["", "9", "5x-[]", "2[1]", "2[", "3[]", "2/ns,99999999999[\"a\"]", "2/ns", "é"] {
            let error = Packet::decode(text).unwrap_err();
            assert!(error.ends_with("is no Socket.IO packet"), "{text}: {error}");
        }
        assert!(Frame::decode("x").is_err());
        assert!(Frame::decode("é").is_err());
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in ".{0,80}") {
            let _ = Frame::decode(&text);
            let _ = Packet::decode(&text);
        }

        #[test]
        fn what_is_encoded_is_decoded_again(
            namespace in "/[a-z]{0,8}",
            id in proptest::option::of(any::<u32>()),
            name in ".{0,20}",
            argument in ".{0,20}",
        ) {
            let event = packet(PacketKind::Event, &namespace, id, &json!([name, argument]).to_string());
            prop_assert_eq!(Packet::decode(&event.encode()).unwrap(), event.clone());
            prop_assert_eq!(event.event_name(), Some(name));
            prop_assert_eq!(event.arguments().unwrap(), vec![json!(argument)]);
        }
    }
}
