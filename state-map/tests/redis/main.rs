//! The port to Redis, on real servers.

#![allow(clippy::unwrap_used, missing_docs, async_fn_in_trait)]

mod control;
mod keys;
mod support;
