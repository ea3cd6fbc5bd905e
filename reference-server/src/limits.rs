//! The descriptor limit is checked before the first connection: a server that meets it while accepting
//! leaves its clients hanging in the backlog, without a word.

use rustix::process::{Resource, getrlimit};

use crate::config::Config;
use crate::error::StartError;

/// Connections beyond `max_connections` that are accepted only to be answered: 503, or an operator's probe.
pub const OVERFLOW_CONNECTIONS: usize = 128;

/// Descriptors for everything that is no connection: store, listener, runtime, log, `/proc`.
const OTHER_DESCRIPTORS: usize = 64;

const RESERVE: usize = OVERFLOW_CONNECTIONS + OTHER_DESCRIPTORS;

/// Refuses a configuration whose connections do not fit the descriptor limit of this process.
pub fn check_limits(config: &Config) -> Result<(), StartError> {
    if config.max_connections == 0 {
        return Err(StartError::Setting {
            setting: "max_connections",
            value: "0".into(),
            expected: "at least 1",
        });
    }
    compare(config.max_connections, descriptor_limit())
}

/// The most connections that the descriptor limit of this process has room for.
pub fn connections_allowed() -> usize {
    allowed(descriptor_limit())
}

fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn allowed(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVE)
}

fn compare(connections: usize, limit: u64) -> Result<(), StartError> {
    let need = connections.saturating_add(RESERVE) as u64;
    if need <= limit {
        return Ok(());
    }
    Err(StartError::DescriptorLimit { connections, need, limit, allowed: allowed(limit) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_the_need_is_refused_with_the_repair() {
        let refusal = compare(2_000, 1_024).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "2000 connections need 2192 file descriptors, but this process may open 1024 (RLIMIT_NOFILE): \
             run `ulimit -n 2192` first, or allow at most 832 connections"
        );
    }

    #[test]
    fn the_connections_allowed_are_accepted_and_one_more_is_not() {
        assert!(compare(allowed(20_000), 20_000).is_ok());
        assert!(compare(allowed(20_000) + 1, 20_000).is_err());
        assert_eq!(allowed(10), 0);
    }

    #[test]
    fn no_connection_at_all_is_no_server() {
        let config = Config { max_connections: 0, ..Config::default() };
        assert!(matches!(check_limits(&config), Err(StartError::Setting { setting: "max_connections", .. })));
    }
}
