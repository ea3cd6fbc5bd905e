//! Throws bytes at the reader of Mongoose models. `tests/fixtures/mongoose/` is a good corpus to start from.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scalectl::fuzzing::mongoose_source(text));
