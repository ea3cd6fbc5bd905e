//! One Socket.IO connection over one websocket. Its owner drives it by calling [`SocketIo::next`].

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, http::Uri};

use super::packet::{Frame, Handshake, Packet, PacketKind, quote};
use crate::clients::net::{Stream, within};
use crate::clients::{ClientError, Connector};

/// tungstenite zero-fills its read buffer before every read: at its default of 128 KiB a connection
/// costs 136 KiB, at 1 KiB it costs 7.5 KiB and no more time.
const READ_BUFFER_BYTES: usize = 1 << 10;
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// Packets that arrive while an answer is awaited; a server that sends more is misbehaving.
const MAX_BACKLOG: usize = 1 << 10;

/// How to open a connection.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Path of the Socket.IO endpoint; `/socket.io/` when empty.
    pub path: String,
    /// Additional query parameters.
    pub query: HashMap<String, String>,
    /// Additional headers.
    pub headers: HashMap<String, String>,
}

/// An open connection. It answers pings whenever it is driven.
#[derive(Debug)]
pub struct SocketIo {
    ws: WebSocketStream<Stream>,
    handshake: Handshake,
    backlog: VecDeque<Packet>,
    pong: Option<String>,
    dead_at: Instant,
    next_ack: u32,
}

impl SocketIo {
    /// Connects, upgrades to a websocket and reads the Engine.IO handshake, all within `limit`.
    pub async fn open(
        connector: &Connector,
        options: &OpenOptions,
        limit: Duration,
    ) -> Result<Self, ClientError> {
        within(limit, Self::open_unbounded(connector, options)).await
    }

    async fn open_unbounded(connector: &Connector, options: &OpenOptions) -> Result<Self, ClientError> {
        let request = upgrade_request(connector, options)?;
        let stream = connector.connect().await?;
        let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(ws_config())).await;
        let (ws, _) = upgraded.map_err(ws_error)?;
        let mut socket = Self {
            ws,
            handshake: Handshake {
                sid: String::new(),
                upgrades: Vec::new(),
                ping_interval: 25_000,
                ping_timeout: 20_000,
                max_payload: None,
            },
            backlog: VecDeque::new(),
            pong: None,
            dead_at: Instant::now(),
            next_ack: 0,
        };
        socket.read_handshake().await?;
        Ok(socket)
    }

    /// What the server announced.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Joins `namespace` with `auth`; returns the server's answer (`{"sid": …}`).
    pub async fn join(
        &mut self,
        namespace: &str,
        auth: Option<&Value>,
        limit: Duration,
    ) -> Result<Value, ClientError> {
        let payload = auth.map(Value::to_string).unwrap_or_default();
        within(limit, async {
            self.send(&control_packet(PacketKind::Connect, namespace, payload)).await?;
            self.join_answer(namespace).await
        })
        .await
    }

    /// Emits `payload` (a JSON array, event name first); with `ack`, returns the id that the answer will have.
    pub async fn emit(
        &mut self,
        namespace: &str,
        payload: String,
        ack: bool,
    ) -> Result<Option<u32>, ClientError> {
        let id = ack.then(|| {
            self.next_ack = self.next_ack.wrapping_add(1);
            self.next_ack
        });
        let kind = PacketKind::Event;
        self.send(&Packet { kind, namespace: namespace.to_owned(), id, attachments: 0, payload }).await?;
        Ok(id)
    }

    /// The next packet. May be cancelled at any await point without losing one.
    pub async fn next(&mut self) -> Result<Packet, ClientError> {
        match self.backlog.pop_front() {
            Some(packet) => Ok(packet),
            None => self.read().await,
        }
    }

    /// Says goodbye and closes, waiting for the server at most `limit`.
    pub async fn close(mut self, limit: Duration) {
        let farewell = async {
            self.send(&control_packet(PacketKind::Disconnect, "/", String::new())).await.ok();
            self.ws.close(None).await.ok();
            while let Some(Ok(_)) = self.ws.next().await {}
        };
        tokio::time::timeout(limit, farewell).await.ok();
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), ClientError> {
        self.ws.send(Message::text(format!("4{}", packet.encode()))).await.map_err(ws_error)
    }

    async fn read_handshake(&mut self) -> Result<(), ClientError> {
        let text = loop {
            match self.ws.next().await.unwrap_or(Err(WsError::ConnectionClosed)).map_err(ws_error)? {
                Message::Text(text) => break text,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Close(_) => return Err(ClientError::Closed("before the Engine.IO handshake")),
                Message::Binary(bytes) => {
                    let words = format!("expected the Engine.IO handshake, got {} binary bytes", bytes.len());
                    return Err(ClientError::Protocol(words));
                }
            }
        };
        let Ok(Frame::Open(json)) = Frame::decode(&text) else {
            return Err(ClientError::Protocol(format!(
                "expected the Engine.IO handshake, got {}",
                quote(&text)
            )));
        };
        self.handshake = serde_json::from_str(json).map_err(|error| {
            ClientError::Protocol(format!("malformed Engine.IO handshake {}: {error}", quote(json)))
        })?;
        self.expect_ping();
        Ok(())
    }

    async fn join_answer(&mut self, namespace: &str) -> Result<Value, ClientError> {
        loop {
            let packet = self.read().await?;
            match packet.kind {
                PacketKind::Connect if packet.namespace == namespace => {
                    return Ok(serde_json::from_str(&packet.payload).unwrap_or_default());
                }
                PacketKind::ConnectError if packet.namespace == namespace => {
                    return Err(ClientError::Refused(refusal(&packet.payload)));
                }
                _ if self.backlog.len() >= MAX_BACKLOG => {
                    return Err(ClientError::Protocol(
                        "too many packets before the namespace's answer".into(),
                    ));
                }
                _ => self.backlog.push_back(packet),
            }
        }
    }

    async fn read(&mut self) -> Result<Packet, ClientError> {
        loop {
            self.answer_ping().await?;
            let Ok(message) = tokio::time::timeout_at(self.dead_at, self.ws.next()).await else {
                return Err(ClientError::Closed("silently: its heartbeat is overdue"));
            };
            match message.unwrap_or(Err(WsError::ConnectionClosed)).map_err(ws_error)? {
                Message::Text(text) => {
                    if let Some(packet) = self.accept(&text)? {
                        return Ok(packet);
                    }
                }
                Message::Close(_) => return Err(ClientError::Closed("with a close frame")),
                // The attachments of a binary packet: counted by the packet, not looked at.
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Takes in one text frame; a Socket.IO packet comes out, an Engine.IO one is dealt with here.
    fn accept(&mut self, text: &str) -> Result<Option<Packet>, ClientError> {
        match Frame::decode(text).map_err(ClientError::Protocol)? {
            Frame::Message(message) => Packet::decode(message).map(Some).map_err(ClientError::Protocol),
            Frame::Ping(payload) => {
                self.pong = Some(format!("3{payload}"));
                self.expect_ping();
                Ok(None)
            }
            Frame::Close => Err(ClientError::Closed("with an Engine.IO close packet")),
            Frame::Open(_) => Err(ClientError::Protocol("a second Engine.IO handshake".into())),
            Frame::Pong | Frame::Noop => Ok(None),
        }
    }

    /// The pong stays due until it is sent, so that a cancelled call does not lose it.
    async fn answer_ping(&mut self) -> Result<(), ClientError> {
        if let Some(pong) = &self.pong {
            self.ws.send(Message::text(pong.clone())).await.map_err(ws_error)?;
            self.pong = None;
        }
        Ok(())
    }

    fn expect_ping(&mut self) {
        let patience = self.handshake.ping_interval.saturating_add(self.handshake.ping_timeout);
        // A day at most: the numbers come from the server.
        self.dead_at = Instant::now() + Duration::from_millis(patience.min(86_400_000));
    }
}

fn control_packet(kind: PacketKind, namespace: &str, payload: String) -> Packet {
    Packet { kind, namespace: namespace.to_owned(), id: None, attachments: 0, payload }
}

fn upgrade_request(
    connector: &Connector,
    options: &OpenOptions,
) -> Result<ClientRequestBuilder, ClientError> {
    let path = if options.path.is_empty() { "/socket.io/" } else { &options.path };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&options.query).append_pair("EIO", "4").append_pair("transport", "websocket");
    let scheme = if connector.http_scheme() == "https" { "wss" } else { "ws" };
    let uri = format!("{scheme}://{}{path}?{}", connector.authority(), query.finish());
    let uri: Uri = uri.parse().map_err(|error| ClientError::Protocol(format!("{uri}: {error}")))?;
    let builder = ClientRequestBuilder::new(uri);
    Ok(options.headers.iter().fold(builder, |builder, (name, value)| builder.with_header(name, value)))
}

fn ws_config() -> WebSocketConfig {
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
        WsError::Http(response) => {
            let status = response.status().as_u16();
            ClientError::Status { status, what: "to the websocket upgrade" }
        }
        WsError::Protocol(cause) if cause.to_string().contains("without closing handshake") => {
            ClientError::Closed("without a closing handshake")
        }
        WsError::Protocol(cause) if cause.to_string().contains("Handshake not finished") => {
            ClientError::Closed("during the websocket handshake")
        }
        other => ClientError::Protocol(other.to_string()),
    }
}

/// The reason in a CONNECT_ERROR: `{"message": "…"}` by the protocol, anything in practice.
fn refusal(payload: &str) -> String {
    let value: Value = serde_json::from_str(payload).unwrap_or_default();
    value["message"].as_str().map_or_else(|| quote(payload), str::to_owned)
}
