//! MongoDB clients.

use std::time::Duration;

use mongodb::Client;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ClientOptions;

use super::{ClientError, SecretUrl};

/// A client whose server selection and connections are limited to `limit`. Connects when first used.
pub async fn client(uri: &SecretUrl, limit: Duration) -> Result<Client, ClientError> {
    let parsed = ClientOptions::parse(uri.expose()).await;
    let mut options = parsed.map_err(|error| client_error(uri, limit, &error))?;
    options.app_name.get_or_insert_with(|| "scalectl".to_owned());
    options.server_selection_timeout = Some(limit);
    options.connect_timeout = Some(limit);
    Client::with_options(options).map_err(|error| client_error(uri, limit, &error))
}

/// A driver's error in this crate's terms, without the password.
pub fn client_error(uri: &SecretUrl, limit: Duration, error: &Error) -> ClientError {
    match error.kind.as_ref() {
        ErrorKind::ServerSelection { message, .. } if message.contains("refused") => {
            ClientError::Io(std::io::ErrorKind::ConnectionRefused.into())
        }
        ErrorKind::ServerSelection { .. } => ClientError::Timeout(limit),
        ErrorKind::Authentication { message, .. } => ClientError::Refused(uri.scrub(message)),
        ErrorKind::Io(io) => ClientError::Io(std::io::Error::new(io.kind(), uri.scrub(&io.to_string()))),
        kind => ClientError::Protocol(uri.scrub(&kind.to_string())),
    }
}
