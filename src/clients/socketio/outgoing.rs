//! What is sent: arguments as text, with the bytes in them taken out.

use bytes::Bytes;
use serde_json::Value;

use super::binary;
use super::frame::Wire;
use super::packet::{Packet, PacketKind};

/// An event or an acknowledgement, ready to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    text: String,
    attachments: Vec<Bytes>,
}

impl Outgoing {
    /// No arguments.
    pub fn nothing() -> Self {
        Self { text: "[]".to_owned(), attachments: Vec::new() }
    }

    /// Takes a list of arguments (an event's name first); `{"$binary": "base64"}` in it stands for bytes.
    pub fn new(mut arguments: Value) -> Result<Self, String> {
        let text = arguments.to_string();
        // Few have bytes, and a walk through the value costs more than a look at the text.
        if !text.contains(binary::KEY) {
            return Ok(Self { text, attachments: Vec::new() });
        }
        let attachments = binary::take_out(&mut arguments)?;
        Ok(Self { text: arguments.to_string(), attachments })
    }
}

/// A packet without attachments, as it is sent.
pub fn wire(packet: &Packet) -> Wire {
    Wire::Text(format!("4{}", packet.encode()).into())
}

/// A packet and its attachments, as they are sent.
pub fn frames(
    kind: PacketKind,
    namespace: &str,
    id: Option<u32>,
    outgoing: Outgoing,
) -> impl Iterator<Item = Wire> {
    let mut packet = Packet::new(kind, namespace, id, outgoing.text);
    packet.attachments = u32::try_from(outgoing.attachments.len()).unwrap_or(u32::MAX);
    std::iter::once(wire(&packet)).chain(outgoing.attachments.into_iter().map(Wire::Binary))
}
