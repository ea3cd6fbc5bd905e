//! The port to Redis, on real servers.

#![allow(clippy::unwrap_used, missing_docs, async_fn_in_trait)]

mod cluster;
mod control;
mod durability;
mod failover;
mod keys;
mod loss;
mod support;
