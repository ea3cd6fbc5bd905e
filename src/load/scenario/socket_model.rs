//! The parts of a scenario file that speak Socket.IO or a plain websocket.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::model::{Acknowledge, Capture, Match, OneOrMany};
use crate::config::duration::Span;

/// Defaults of the Socket.IO connection.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SocketIoConfig {
    /// Path of the endpoint; `/socket.io/` when left out.
    pub path: Option<String>,
    /// Query parameters of the connection: by name, or as text such as `a=1&b=2`.
    pub query: Option<Query>,
    /// Headers of the connection.
    #[serde(default)]
    pub extra_headers: BTreeMap<String, String>,
    /// Which way packets take: one for all, or shares in percent; `websocket` when left out.
    pub transport: Option<TransportChoice>,
    /// The same in socket.io-client's words: `[websocket]`, `[polling]` or `[polling, websocket]`.
    pub transports: Option<Vec<Transport>>,
    /// With `transports: [polling, websocket]`, whether it goes over to a websocket; true when left out.
    pub upgrade: Option<bool>,
    /// Whether a lost connection comes back while the scenario goes on; false when left out.
    #[serde(default)]
    pub reconnection: bool,
    /// Wait before the first attempt to come back, in milliseconds or as a duration; 1 s when left out.
    pub reconnection_delay: Option<Delay>,
    /// No wait is longer; 5 s when left out.
    pub reconnection_delay_max: Option<Delay>,
    /// A wait is up to this part of itself longer or shorter; 0.5 when left out.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub randomization_factor: Option<f64>,
    /// How often it is tried; without end when left out.
    pub reconnection_attempts: Option<u32>,
    /// What a namespace is joined with.
    pub auth: Option<BTreeMap<String, Value>>,
    /// How long the handshake, an acknowledgement or an event may take; 10 s when left out.
    pub timeout: Option<Span>,
}

/// Query parameters.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Query {
    /// As text.
    Text(String),
    /// By name.
    Map(BTreeMap<String, Value>),
}

/// A transport by socket.io-client's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A websocket.
    Websocket,
    /// HTTP requests.
    Polling,
}

/// The way that packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A websocket from the start.
    Websocket,
    /// HTTP requests only.
    Polling,
    /// HTTP requests first, then a websocket: what browsers do.
    Upgrade,
}

/// One way for all users, or shares in percent.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TransportChoice {
    /// One way for all.
    One(Way),
    /// Shares in percent.
    Mix(TransportMix),
}

/// Shares of users in percent; 100 together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransportMix {
    /// On a websocket from the start.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub websocket: f64,
    /// On HTTP requests only.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub polling: f64,
    /// On HTTP requests first, then on a websocket.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub upgrade: f64,
}

/// A wait: milliseconds, as socket.io-client counts, or a duration such as `2s`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Delay {
    /// Milliseconds.
    Millis(#[schemars(range(min = 0.0, max = 86_400_000.0))] f64),
    /// A duration.
    Text(String),
}

/// Defaults of the plain websocket.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WsConfig {
    /// Headers of the opening request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Subprotocols to offer.
    #[serde(default)]
    pub subprotocols: Vec<String>,
    /// How long the opening, and a message that is waited for, may take; 10 s when left out.
    pub timeout: Option<Span>,
}

/// Opens a connection.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConnectStep {
    /// The path of a plain websocket.
    Path(String),
    /// The parts.
    Parts(Box<Connect>),
}

/// Opens the Socket.IO connection, or joins another namespace on it; or opens a plain websocket.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Connect {
    /// `/` when left out.
    pub namespace: Option<String>,
    /// What the namespace is joined with; `config.socketio.auth` when left out.
    pub auth: Option<BTreeMap<String, Value>>,
    /// Plain websocket: its path, or a URL of the target.
    pub url: Option<String>,
    /// Artillery's word for `url`.
    pub target: Option<String>,
    /// Plain websocket: headers of the opening request, beside those of `config.ws`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Plain websocket: subprotocols to offer, instead of those of `config.ws`.
    pub subprotocols: Option<Vec<String>>,
    /// Row in the report.
    pub name: Option<String>,
}

/// A message for a plain websocket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Send {
    /// The message, with what is to come back.
    Parts(Box<SendParts>),
    /// The message: text, or any other value as JSON; `{"$binary": "base64"}` as bytes.
    Message(Value),
}

/// A message for a plain websocket, with what is to come back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SendParts {
    /// The message: text, or any other value as JSON; `{"$binary": "base64"}` as bytes.
    pub payload: Value,
    /// Values that the next message must have.
    #[serde(rename = "match")]
    pub matches: Option<OneOrMany<Match>>,
    /// Values to keep of the next message.
    pub capture: Option<OneOrMany<Capture>>,
    /// How long the next message may take.
    pub timeout: Option<Span>,
    /// Row in the report.
    pub name: Option<String>,
}

/// An event to send: `[name, argument, …]`, or its parts by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Emit {
    /// Name and arguments.
    List(Vec<Value>),
    /// The parts.
    Parts(Box<EmitParts>),
}

/// The parts of an event to send.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EmitParts {
    /// The event's name.
    pub channel: String,
    /// Its only argument.
    pub data: Option<Value>,
    /// Its arguments, when it has several.
    pub args: Option<Vec<Value>>,
    /// `/` when left out.
    pub namespace: Option<String>,
    /// Sent again whenever the connection is back and the server had not kept its session.
    #[serde(default)]
    pub again: bool,
    /// Waits for the server's acknowledgement.
    pub acknowledge: Option<Acknowledge>,
    /// Waits for an event in answer.
    pub response: Option<Response>,
    /// Row in the report.
    pub name: Option<String>,
}

/// The event that answers an emitted one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Response {
    /// The event's name.
    pub channel: String,
    /// What its first argument must be.
    pub data: Option<Value>,
    /// Values that it must have.
    #[serde(rename = "match")]
    pub matches: Option<OneOrMany<Match>>,
    /// Values to keep.
    pub capture: Option<OneOrMany<Capture>>,
    /// How long it may take.
    pub timeout: Option<Span>,
}

/// An event to wait for: its name, or the whole of it; on a plain websocket, `true` for the next message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Receive {
    /// The next message of a plain websocket.
    Next(bool),
    /// The name alone.
    Name(String),
    /// With checks.
    Full(Box<ReceiveParts>),
}

/// An event to wait for, with checks. Events are kept from the moment of connection, so none is missed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReceiveParts {
    /// The event's name; the messages of a plain websocket have none.
    pub event: Option<String>,
    /// `/` when left out.
    pub namespace: Option<String>,
    /// What the server gets where it asked for an acknowledgement: arguments. Events that no `receive` answers are
    /// acknowledged with nothing as soon as they come.
    pub acknowledge: Option<Vec<Value>>,
    /// Plain websocket: what a message must have to be the one that is waited for; others are passed over.
    pub select: Option<OneOrMany<Match>>,
    /// Values that it must have.
    #[serde(rename = "match")]
    pub matches: Option<OneOrMany<Match>>,
    /// Values to keep.
    pub capture: Option<OneOrMany<Capture>>,
    /// How long it may take.
    pub timeout: Option<Span>,
    /// JSON path to the sender's `$epochMicros()`; records the delivery time in a row of its own.
    pub sent_at: Option<String>,
    /// Row in the report.
    pub name: Option<String>,
}
