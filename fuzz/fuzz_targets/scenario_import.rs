//! Throws bytes at the readers of recordings, logs and API documents. `docs/openapi.json` is a corpus to start from.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scalectl::fuzzing::import(text));
