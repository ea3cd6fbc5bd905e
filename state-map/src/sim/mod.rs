//! The protocol in a world of its own: virtual time, a network that delays, loses and doubles, instances that pause
//! and crash, servers that fail over. One seed gives one run, step for step.

mod balancer;
mod control_shard;
mod differential;
mod directed;
mod executor;
mod fleet;
mod ledger;
mod line;
mod network;
mod port;
mod replicated;
mod scenario;
mod shard;
mod stage;
mod steering;
mod store;
mod telling;
mod tests;
mod trouble;
mod weather;
mod world;
