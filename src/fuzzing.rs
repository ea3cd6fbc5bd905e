//! What the fuzz targets in `fuzz/` call: the readers of text that other people write.

use std::collections::VecDeque;
use std::path::Path;

use crate::clients::socketio::Packet;
use crate::clients::socketio::frame::{Frame, Handshake, split_payload, take_payload};
use crate::config::Document;
use crate::indexes::import::{mongoose, render};
use crate::indexes::spec::Spec;
use crate::load::import::{access_log, har, openapi};
use crate::load::{Overrides, compile_document};

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

/// A scenario, which is compiled or refused, as a whole and with an environment of its own chosen. Its payloads
/// are looked for where there are none.
pub fn scenario(text: &str) {
    let Ok(document) = Document::parse("scenario.yaml", text.to_owned()) else { return };
    for environment in [None, Some("e".to_owned())] {
        let overrides = Overrides { environment, seed: Some(1), ..Overrides::default() };
        let _ = compile_document(&document, Path::new("/nonexistent"), &overrides);
    }
}

/// A recording, a log and an API's description; what is made of them is a scenario that is accepted.
pub fn import(text: &str) {
    let path = Path::new("f");
    let options = access_log::LogOptions::default();
    let reports = [
        har::import_text(path, text, &har::HarOptions::default()),
        access_log::import_lines(path, text.as_bytes(), &options),
        openapi::import_text(path, text.to_owned(), &openapi::ApiOptions::default()),
    ];
    for report in reports.into_iter().flatten() {
        let document = Document::parse("imported.yaml", report.scenario.clone());
        let compiled = document.and_then(|d| compile_document(&d, path, &Overrides::default()).map(drop));
        assert!(
            compiled.is_ok(),
            "{}\n{}",
            report.scenario,
            compiled.err().map(|e| e.to_string()).unwrap_or_default()
        );
    }
}

/// What a server sends: the answer to a request with every kind of check and capture.
pub fn http_response(bytes: &[u8]) {
    crate::load::engine::hostile::answer(bytes);
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
