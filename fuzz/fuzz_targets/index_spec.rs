//! Throws bytes at the reader of index specifications. `indexes/` is a good corpus to start from.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scalectl::fuzzing::index_spec(text));
