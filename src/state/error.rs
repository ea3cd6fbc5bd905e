//! Why a command on state could not be done, each with the way out.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::clients::redis::client_error;
use crate::clients::{ClientError, SecretUrl};
use crate::text::excerpt;

/// Why a command on state could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Redis does not answer.
    #[error("{who}: could not {doing}: {source}")]
    Unreachable {
        /// The address, without its password.
        who: String,
        /// What was tried.
        doing: String,
        /// Why.
        source: ClientError,
    },
    /// The account may not do what is needed.
    #[error(
        "{who}: not allowed to {doing}: {message}; docs/migrate-state.md lists the commands that the account needs"
    )]
    Privilege {
        /// The address.
        who: String,
        /// What was tried.
        doing: String,
        /// The server's words.
        message: String,
    },
    /// Redis refused a command.
    #[error("{who}: could not {doing}: {message}")]
    Server {
        /// The address.
        who: String,
        /// What was tried.
        doing: String,
        /// The server's words.
        message: String,
    },
    /// The URL is not one of a Redis.
    #[error(
        "{url}: expected redis://host:port, rediss://, redis+sentinel://host:port,…/name or redis+cluster://host:port,…"
    )]
    Url {
        /// The URL, without its password.
        url: String,
    },
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// Which file, and what was tried.
        what: String,
        /// The system's word.
        source: std::io::Error,
    },
}

impl StateError {
    /// A driver's error while `doing` something.
    pub fn driver(url: &SecretUrl, limit: Duration, doing: &str, error: &RedisError) -> Self {
        let (who, doing) = (url.to_string(), doing.to_owned());
        let message = excerpt(&url.scrub(&error.to_string()));
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) | ErrorKind::AuthenticationFailed => {
                Self::Privilege { who, doing, message }
            }
            ErrorKind::InvalidClientConfig => Self::Url { url: who },
            ErrorKind::Io => Self::Unreachable { who, doing, source: client_error(url, limit, error) },
            _ => Self::Server { who, doing, message },
        }
    }
}
