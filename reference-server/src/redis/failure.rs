//! What went wrong with a call: Redis is away, or Redis did not like the command.

use std::time::Duration;

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::time::timeout;

/// A call without a result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No answer in time. The connection may be good: Redis may only be slow.
    #[error("no answer in time")]
    TimedOut,
    /// The connection is broken, or whoever is at its end cannot serve now: it loads, it is no master any
    /// more, its cluster is incomplete, it has no memory or disk left.
    #[error("{0}")]
    Down(String),
    /// The command itself was wrong. Another one would succeed, so the circuit does not count it.
    #[error("{0}")]
    Refused(String),
}

/// Errors without a kind of their own that every write would get.
const CANNOT_WRITE: [&str; 3] = ["NOREPLICAS", "MISCONF", "OOM"];

impl Failure {
    /// For the metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Down(_) => "failed",
            Self::Refused(_) => "refused",
        }
    }
}

/// An answer in time.
pub async fn within<T>(limit: Duration, asking: impl Future<Output = RedisResult<T>>) -> Result<T, Failure> {
    match timeout(limit, asking).await {
        Ok(answer) => answer.map_err(Failure::from),
        Err(_) => Err(Failure::TimedOut),
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let is_down = match error.kind() {
            ErrorKind::Io
            | ErrorKind::AuthenticationFailed
            | ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::ClusterConnectionNotFound => true,
            ErrorKind::Server(kind) => is_down(kind),
            _ => error.code().is_some_and(|code| CANNOT_WRITE.contains(&code)),
        };
        if is_down { Self::Down(error.to_string()) } else { Self::Refused(error.to_string()) }
    }
}

fn is_down(kind: ServerErrorKind) -> bool {
    matches!(
        kind,
        ServerErrorKind::BusyLoading
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_absent_server_is_told_from_a_wrong_command() {
        let of = |kind| Failure::from(RedisError::from((kind, "test"))).outcome();
        assert_eq!(of(ErrorKind::Io), "failed");
        assert_eq!(of(ErrorKind::Server(ServerErrorKind::ReadOnly)), "failed");
        assert_eq!(of(ErrorKind::Server(ServerErrorKind::BusyLoading)), "failed");
        assert_eq!(of(ErrorKind::Server(ServerErrorKind::ResponseError)), "refused");
        assert_eq!(of(ErrorKind::UnexpectedReturnType), "refused");
        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!(Failure::from(RedisError::from(late)).outcome(), "timeout");
    }
}
