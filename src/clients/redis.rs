//! Redis connections.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError};

use super::net::within;
use super::{ClientError, SecretUrl};

/// Connects and authenticates within `limit`; each later answer has the same limit.
pub async fn connect(url: &SecretUrl, limit: Duration) -> Result<MultiplexedConnection, ClientError> {
    let client = redis::Client::open(url.expose()).map_err(|error| client_error(url, &error))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limit))
        .set_response_timeout(Some(limit));
    within(limit, async {
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        connection.map_err(|error| client_error(url, &error))
    })
    .await
}

/// A driver's error in this crate's terms, without the password.
pub fn client_error(url: &SecretUrl, error: &RedisError) -> ClientError {
    let words = url.scrub(&error.to_string());
    match error.kind() {
        ErrorKind::Io => match std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>()) {
            Some(io) => ClientError::Io(std::io::Error::new(io.kind(), words)),
            None => ClientError::Io(std::io::Error::other(words)),
        },
        ErrorKind::AuthenticationFailed => ClientError::Refused(words),
        _ => ClientError::Protocol(words),
    }
}
