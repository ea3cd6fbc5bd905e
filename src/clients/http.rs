//! One HTTP/1.1 connection and its exchanges. Whoever opens it owns it: no pool, no redirects.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{ClientError, Connector};

/// An answer's body may not be larger; load tests and probes have no use for more.
const MAX_BODY_BYTES: usize = 16 << 20;
const READ_BUFFER_BYTES: usize = 16 << 10;

/// A keep-alive connection. Dropping it closes it.
#[derive(Debug)]
pub struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
}

/// A complete answer.
#[derive(Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl HttpConnection {
    /// Connects.
    pub async fn open(connector: &Connector) -> Result<Self, ClientError> {
        Self::over(connector.connect().await?).await
    }

    /// The same over a stream that is there already.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, ClientError> {
        let handshake = Builder::new().max_buf_size(READ_BUFFER_BYTES).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| http_error(&error))?;
        // Ends by itself when the sender is dropped or the server closes.
        tokio::spawn(async move { connection.await.ok() });
        Ok(Self { sender })
    }

    /// Whether another request may be sent on it.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends one request and reads the whole answer. The URI must be in origin form with a `Host` header.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<HttpResponse, ClientError> {
        self.sender.ready().await.map_err(|error| http_error(&error))?;
        let response = self.sender.send_request(request).await.map_err(|error| http_error(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES)
            .collect()
            .await
            .map_err(|error| body_error(error.as_ref()))?
            .to_bytes();
        Ok(HttpResponse { status: head.status, headers: head.headers, body })
    }
}

fn http_error(error: &hyper::Error) -> ClientError {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => ClientError::Io(std::io::Error::from(io.kind())),
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            ClientError::Closed("before the answer was complete")
        }
        None => ClientError::Protocol(error.to_string()),
    }
}

fn body_error(error: &(dyn std::error::Error + Send + Sync + 'static)) -> ClientError {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) => http_error(error),
        None if error.is::<LengthLimitError>() => ClientError::TooLarge { limit_bytes: MAX_BODY_BYTES },
        None => ClientError::Protocol(error.to_string()),
    }
}
