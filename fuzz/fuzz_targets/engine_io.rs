//! Throws bytes at the reader of Engine.IO payloads and handshakes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scalectl::fuzzing::engine_io(bytes));
