//! What the fuzz targets in `fuzz/` call: the readers of text that other people write.

use std::path::Path;

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

/// What a server sends: the answers to a request with every kind of check and capture.
pub fn http_response(bytes: &[u8]) {
    crate::load::engine::hostile::answers(bytes);
}
