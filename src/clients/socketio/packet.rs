//! Socket.IO v5 packets.
//!
//! Source: the protocol document of the Socket.IO project (socket.io-protocol v5).
//! Payloads stay unparsed JSON text until somebody asks: under load most are never looked at.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::binary;
use super::frame::quote;

/// Binary frames that one packet may announce: what a server says bounds no memory.
const MAX_ATTACHMENTS: u32 = 1_000;

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
    pub namespace: Cow<'static, str>,
    /// The acknowledgement it asks for or answers.
    pub id: Option<u32>,
    /// Binary frames that follow it.
    pub attachments: u32,
    /// JSON text: an array for events and acks, an object for the others, or empty.
    pub payload: String,
    /// The binary frames that came after it.
    pub binary: Vec<Bytes>,
}

impl Packet {
    /// A packet to send, without attachments.
    pub fn new(kind: PacketKind, namespace: &str, id: Option<u32>, payload: String) -> Self {
        let namespace = Cow::Owned(namespace.to_owned());
        Self { kind, namespace, id, attachments: 0, payload, binary: Vec::new() }
    }

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
            attachments =
                count.parse().ok().filter(|count| *count <= MAX_ATTACHMENTS).ok_or_else(malformed)?;
            rest = after;
        }
        let (namespace, rest) = split_namespace(rest);
        let (id, payload) = split_id(rest).ok_or_else(malformed)?;
        let namespace = if namespace == "/" { Cow::Borrowed("/") } else { Cow::Owned(namespace.to_owned()) };
        let payload = payload.to_owned();
        let packet = Self { kind, namespace, id, attachments, payload, binary: Vec::new() };
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
        let namespace = match self.namespace.as_ref() {
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

    /// The arguments: an event's after its name, an acknowledgement's all. Bytes are `{"$binary": "base64"}`.
    pub fn arguments(&self) -> Result<Vec<Value>, String> {
        let mut values: Vec<Value> = serde_json::from_str(&self.payload)
            .map_err(|error| format!("{} is no JSON array: {error}", quote(&self.payload)))?;
        if self.kind == PacketKind::Event && !values.is_empty() {
            values.remove(0);
        }
        if self.attachments > 0 {
            values.iter_mut().try_for_each(|value| binary::put_back(value, &self.binary))?;
        }
        Ok(values)
    }

    /// What it takes in memory, about.
    pub fn size(&self) -> usize {
        self.payload.len() + self.binary.iter().map(Bytes::len).sum::<usize>()
    }

    /// The last argument where it is text: with connection-state recovery, the packet's offset.
    pub fn last_text(&self) -> Option<String> {
        let body = self.payload.strip_suffix(']')?;
        let inner = body.strip_suffix('"')?;
        // Within JSON text every quote is escaped: the nearest one that is not opens the text.
        let is_opening =
            |at: &usize| inner[..*at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0;
        let opening = inner.rmatch_indices('"').map(|(at, _)| at).find(is_opening)?;
        // After the bracket stands the event's name, which is no argument.
        inner[..opening].trim_end().strip_suffix(',')?;
        serde_json::from_str(&body[opening..]).ok()
    }

    fn is_well_formed(&self) -> bool {
        match self.kind {
            PacketKind::Event => self.event_name().is_some() && self.payload.ends_with(']'),
            PacketKind::Ack => self.id.is_some() && self.payload.starts_with('['),
            PacketKind::Disconnect => self.payload.is_empty(),
            PacketKind::Connect => self.payload.is_empty() || self.payload.starts_with('{'),
            PacketKind::ConnectError => self.payload.is_empty() || self.payload.starts_with(['{', '"']),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Packet, PacketKind};

    fn packet(kind: PacketKind, namespace: &str, id: Option<u32>, payload: &str) -> Packet {
        Packet::new(kind, namespace, id, payload.to_owned())
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
        let many = r#"54000000000-["a"]"#;
        assert!(Packet::decode(many).is_err(), "a server's number bounds no memory");
    }

    #[test]
    fn the_last_argument_is_found_without_parsing() {
        let last = |text: &str| Packet::decode(text).unwrap().last_text();
        assert_eq!(last(r#"2["a",1,"1700-0"]"#).as_deref(), Some("1700-0"));
        assert_eq!(last(r#"2["a","q\"\\"]"#).as_deref(), Some("q\"\\"));
        assert_eq!(last(r#"2["a"]"#), None, "the name is no argument");
        assert_eq!(last(r#"2["a",["x"]]"#), None);
        assert_eq!(last(r#"2["a",{"k":"v"}]"#), None);
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in ".{0,80}") {
            if let Ok(packet) = Packet::decode(&text) {
                let _ = (packet.event_name(), packet.arguments(), packet.last_text());
            }
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
            prop_assert_eq!(event.last_text(), Some(argument.clone()));
            prop_assert_eq!(event.arguments().unwrap(), vec![json!(argument)]);
        }
    }
}
