//! The protocol in a world of its own: virtual time, a network that delays, loses and doubles, instances that pause
//! and crash, servers that fail over. One seed gives one run, step for step.

mod control_shard;
mod replicated;
mod shard;
mod store;
