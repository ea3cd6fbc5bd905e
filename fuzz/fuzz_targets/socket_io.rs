//! Throws text at the reader of Socket.IO packets.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scalectl::fuzzing::socket_io(text));
