//! What this process may hold open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the process needs beside its connections.
pub const RESERVE: u64 = 64;

/// More connections are needed than the process may hold open.
#[derive(Debug, thiserror::Error)]
#[error(
    "{connections} connections need {needed} file descriptors, and this process may open {allowed}; run \
     `ulimit -n {needed}` first, or use at most {} connections", .allowed.saturating_sub(RESERVE)
)]
pub struct DescriptorShortage {
    /// Connections that are asked for.
    pub connections: u64,
    /// Descriptors that they need.
    pub needed: u64,
    /// The hard limit.
    pub allowed: u64,
}

/// Raises the soft limit to the hard one, as far as that is allowed.
pub fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

/// Raises the soft limit as far as `connections` need it, within the hard limit.
pub fn ensure_descriptors(connections: u64) -> Result<(), DescriptorShortage> {
    let needed = connections + RESERVE;
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    if soft >= needed {
        return Ok(());
    }
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
    if hard >= needed && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    Err(DescriptorShortage { connections, needed, allowed: soft })
}
