//! Redis connections.

mod link;

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ErrorKind, RedisError};

pub use self::link::{Link, in_sync};
use super::net::within;
use super::{ClientError, SecretUrl};

/// Connects and authenticates within `limit`; each later answer has the same limit.
pub async fn connect(url: &SecretUrl, limit: Duration) -> Result<MultiplexedConnection, ClientError> {
    within(limit, async {
        let connected = async { link::one(&Client::open(url.expose())?, limit).await };
        connected.await.map_err(|error| client_error(url, limit, &error))
    })
    .await
}

/// A driver's error in this crate's terms, without the password.
pub fn client_error(url: &SecretUrl, limit: Duration, error: &RedisError) -> ClientError {
    let words = url.scrub(&error.to_string());
    match error.kind() {
        _ if error.is_connection_refusal() => ClientError::Io(io::ErrorKind::ConnectionRefused.into()),
        _ if error.is_timeout() => ClientError::Timeout(limit),
        ErrorKind::Io => ClientError::Io(io::Error::other(words)),
        ErrorKind::AuthenticationFailed => ClientError::Refused(words),
        _ => ClientError::Protocol(words),
    }
}
