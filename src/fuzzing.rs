//! What the fuzz targets in `fuzz/` call: the readers of text that other people write.

use std::collections::VecDeque;

use crate::clients::socketio::Packet;
use crate::clients::socketio::frame::{Frame, Handshake, split_payload, take_payload};
use crate::config::Document;
use crate::indexes::import::{mongoose, render};
use crate::indexes::spec::Spec;

/// A specification of indexes, which is read or refused.
pub fn index_spec(text: &str) {
    if let Ok(document) = Document::parse("spec.yaml", text.to_owned()) {
        let _ = Spec::from_document(&document);
    }
}

/// A source with Mongoose models, in TypeScript and in JavaScript; what is found is written and read back.
pub fn mongoose_source(text: &str) {
    for name in ["a.ts", "a.js"] {
        if let Ok(mut report) = mongoose::read_text(name, text) {
            let _ = render::specification(&mut report);
        }
    }
}

/// A payload of Engine.IO packets; what is read is written and read back, whatever the limit of the other side.
pub fn engine_io(bytes: &[u8]) {
    let limit = bytes.first().copied().map_or(0, usize::from);
    let Ok(packets) = split_payload(&bytes.to_vec().into()) else { return };
    let mut left: VecDeque<_> = packets.clone().into();
    let mut back = Vec::new();
    while !left.is_empty() {
        back.extend(split_payload(&take_payload(&mut left, limit).into()).unwrap_or_default());
    }
    assert_eq!(back, packets, "a payload comes back as it was");
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (Frame::decode(text), Handshake::decode(text));
    }
}

/// A Socket.IO packet; what is read is written and read back.
pub fn socket_io(text: &str) {
    let Ok(packet) = Packet::decode(text) else { return };
    let again = Packet::decode(&packet.encode());
    assert_eq!(again.as_ref(), Ok(&packet), "a packet comes back as it was");
    let _ = (packet.event_name(), packet.arguments(), packet.last_text());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        /// What a fuzzer would find first, in every run of the tests.
        #[test]
        fn packets_and_payloads_come_back(text in "[0-9b\u{1e}/,?\\[\\]\"{}a_-]{0,24}") {
            super::engine_io(text.as_bytes());
            super::socket_io(&text);
        }
    }
}
