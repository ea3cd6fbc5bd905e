//! The scripts, by call.
