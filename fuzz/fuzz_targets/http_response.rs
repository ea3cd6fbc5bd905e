//! Throws bytes at the way of an HTTP answer, from the wire to the variables of a user.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scalectl::fuzzing::http_response(bytes));
