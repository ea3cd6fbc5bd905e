//! Throws bytes at the reader of scenarios. `scenarios/` is a good corpus to start from.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scalectl::fuzzing::scenario(text));
