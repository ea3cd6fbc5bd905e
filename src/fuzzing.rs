//! What the fuzz targets in `fuzz/` call: the readers of text that other people write.

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
