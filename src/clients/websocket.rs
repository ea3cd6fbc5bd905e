//! One websocket. Whoever opens it drives it: no task, no channel, and no buffer while it is idle beyond half a
//! kilobyte.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::HeaderMap;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message, http::Uri};

use super::net::Stream;
use super::upgrading::Upgrading;
use super::{ClientError, Connector};

/// tungstenite zero-fills its read buffer before every read: at its default of 128 KiB a connection
/// costs 136 KiB. Messages that are longer are read in several turns.
const READ_BUFFER_BYTES: usize = 1 << 9;
const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// What is asked for when a websocket is opened.
#[derive(Debug, Default)]
pub struct Opening<'a> {
    /// Path and query.
    pub path: &'a str,
    /// Headers of the request.
    pub headers: Vec<(String, String)>,
    /// Subprotocols to offer.
    pub subprotocols: &'a [String],
}

/// What a refused opening means: of its status and what came of its body.
pub type Refusal = fn(u16, &[u8]) -> ClientError;

/// An open websocket.
#[derive(Debug)]
pub struct WebSocket {
    stream: WebSocketStream<Stream>,
    is_unflushed: bool,
}

impl WebSocket {
    /// Connects and upgrades; returns the headers of the server's answer too.
    pub async fn open(
        connector: &Connector,
        opening: Opening<'_>,
        refusal: Refusal,
    ) -> Result<(Self, HeaderMap), ClientError> {
        let request = request(connector, opening)?;
        let stream = Upgrading::new(connector.connect().await?);
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config())).await {
            Ok((opened, answer)) => {
                let (stream, behind) = opened.into_inner().into_parts();
                let stream =
                    WebSocketStream::from_partially_read(stream, behind, Role::Client, Some(config())).await;
                Ok((Self { stream, is_unflushed: false }, answer.into_parts().0.headers))
            }
            Err(WsError::Http(answer)) => {
                Err(refusal(answer.status().as_u16(), answer.body().as_deref().unwrap_or_default()))
            }
            Err(error) => Err(ws_error(error)),
        }
    }

    /// Hands `message` over once there is room for it; it is on its way when [`Self::poll_flush`] is ready.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        message: impl FnOnce() -> Message,
    ) -> Poll<Result<(), ClientError>> {
        ready!(self.stream.poll_ready_unpin(cx)).map_err(ws_error)?;
        self.is_unflushed = true;
        Poll::Ready(self.stream.start_send_unpin(message()).map_err(ws_error))
    }

    /// Writes out what was handed over. A call that was given up is made good by the next one.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        if self.is_unflushed {
            ready!(self.stream.poll_flush_unpin(cx)).map_err(ws_error)?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// The next message of text or bytes.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ClientError>> {
        loop {
            let message = ready!(self.stream.poll_next_unpin(cx));
            match message.unwrap_or(Err(WsError::ConnectionClosed)).map_err(ws_error)? {
                Message::Close(_) => return Poll::Ready(Err(ClientError::Closed("with a close frame"))),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                message => return Poll::Ready(Ok(message)),
            }
        }
    }

    /// Sends one message.
    pub async fn send(&mut self, message: Message) -> Result<(), ClientError> {
        let mut message = Some(message);
        std::future::poll_fn(|cx| {
            if message.is_some() {
                ready!(self.poll_send(cx, || message.take().unwrap_or(Message::Ping(Default::default()))))?;
            }
            self.poll_flush(cx)
        })
        .await
    }

    /// The next message of text or bytes. May be cancelled without losing one.
    pub async fn next(&mut self) -> Result<Message, ClientError> {
        std::future::poll_fn(|cx| {
            // What is still to be written is what the server waits for.
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            self.poll_next(cx)
        })
        .await
    }

    /// Says goodbye and waits for the server to close, at most `limit`.
    pub async fn close(mut self, limit: Duration) {
        let farewell = async {
            self.stream.close(None).await.ok();
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        tokio::time::timeout(limit, farewell).await.ok();
    }
}

fn request(connector: &Connector, opening: Opening<'_>) -> Result<ClientRequestBuilder, ClientError> {
    let scheme = if connector.http_scheme() == "https" { "wss" } else { "ws" };
    let uri = format!("{scheme}://{}{}", connector.authority(), opening.path);
    let uri: Uri = uri.parse().map_err(|error| ClientError::Protocol(format!("{uri}: {error}")))?;
    let builder = ClientRequestBuilder::new(uri);
    let builder =
        opening.headers.into_iter().fold(builder, |builder, (name, value)| builder.with_header(name, value));
    Ok(opening.subprotocols.iter().fold(builder, ClientRequestBuilder::with_sub_protocol))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

fn ws_error(error: WsError) -> ClientError {
    match error {
        WsError::Io(io) => ClientError::Io(io),
        WsError::ConnectionClosed | WsError::AlreadyClosed => ClientError::Closed("without a word"),
        WsError::Protocol(cause) if cause.to_string().contains("without closing handshake") => {
            ClientError::Closed("without a closing handshake")
        }
        WsError::Protocol(cause) if cause.to_string().contains("Handshake not finished") => {
            ClientError::Closed("during the websocket handshake")
        }
        other => ClientError::Protocol(other.to_string()),
    }
}
