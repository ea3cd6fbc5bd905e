//! What an event leads to: an answer to its sender and events to others, as values. The answer goes first, so
//! that a client that waits for it has it before anything that it caused.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::{Value, json};
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts, Value as Packet};
use socketioxide::socket::{Sid, Socket};

use crate::app::App;

/// Why an event was refused, in a stable code and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventError {
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl EventError {
    /// A payload of the wrong shape.
    pub fn bad_request(cause: impl Into<String>) -> Self {
        Self { code: "bad_request", message: cause.into() }
    }
}

/// Who receives an event.
#[derive(Debug, Clone)]
pub enum Target {
    /// One socket.
    Socket(Sid),
    /// All sockets in a room.
    Room(String),
    /// All sockets in a room but the sender's.
    Others(String),
}

/// An event to others.
#[derive(Debug, Clone)]
pub struct Emission {
    /// Who receives it.
    pub target: Target,
    /// Its name.
    pub event: &'static str,
    /// Its payload.
    pub data: Value,
}

/// All that an accepted event leads to.
#[derive(Debug, Clone, Default)]
pub struct Reaction {
    /// Payload of the acknowledgement; `ok: true` is added.
    pub ack: serde_json::Map<String, Value>,
    /// Then these, in this order.
    pub emissions: Vec<Emission>,
}

impl Reaction {
    /// An acknowledgement with these fields.
    pub fn ack(fields: Value) -> Self {
        let Value::Object(ack) = fields else { return Self::default() };
        Self { ack, emissions: Vec::new() }
    }

    /// And an event.
    pub fn then(mut self, target: Target, event: &'static str, data: Value) -> Self {
        self.emissions.push(Emission { target, event, data });
        self
    }
}

/// The way back to the sender.
pub struct Reply {
    ack: AckSender,
    is_wanted: bool,
}

impl FromMessageParts<LocalAdapter> for Reply {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket<LocalAdapter>>,
        packet: &mut Packet,
        ack: &Option<i64>,
    ) -> Result<Self, Infallible> {
        let is_wanted = ack.is_some();
        AckSender::from_message_parts(socket, packet, ack).map(|ack| Self { ack, is_wanted })
    }
}

impl Reply {
    /// Answers the sender, then tells the others.
    pub fn send(self, app: &App, socket: &SocketRef, outcome: Result<Reaction, EventError>) {
        match outcome {
            Ok(Reaction { mut ack, emissions }) => {
                ack.shift_insert(0, "ok".into(), Value::Bool(true));
                self.acknowledge(app, &Value::Object(ack));
                for emission in emissions {
                    emit(app, Some(socket), &emission);
                }
            }
            Err(error) => self.refuse(app, socket, &error),
        }
    }

    /// Tells the sender why nothing was done.
    pub fn refuse(self, app: &App, socket: &SocketRef, error: &impl Serialize) {
        if self.is_wanted {
            self.acknowledge(app, &json!({ "ok": false, "error": error }));
        } else {
            count_dropped(app, socket.emit("error", error));
        }
    }

    fn acknowledge(self, app: &App, payload: &Value) {
        count_dropped(app, self.ack.send(payload));
    }
}

/// Sends an event. A receiver that has gone misses it; one that does not read loses it, which is counted.
pub fn emit(app: &App, sender: Option<&SocketRef>, Emission { target, event, data }: &Emission) {
    match target {
        Target::Socket(sid) => {
            if let Some(socket) = app.io.get_socket(*sid) {
                count_dropped(app, socket.emit(event, data));
            }
        }
        Target::Others(room) if sender.is_some() => {
            let others = sender.map(|socket| socket.to(room.clone()).emit(event, data).now_or_never());
            count_dropped(app, others.flatten().unwrap_or(Ok(())));
        }
        Target::Room(room) | Target::Others(room) => {
            let told = app.io.to(room.clone()).emit(event, data).now_or_never();
            count_dropped(app, told.unwrap_or(Ok(())));
        }
    }
}

/// Sends an event to every socket.
pub fn emit_all(app: &App, event: &str, data: &Value) {
    count_dropped(app, app.io.emit(event, data).now_or_never().unwrap_or(Ok(())));
}

fn count_dropped<E: std::fmt::Display>(app: &App, sent: Result<(), E>) {
    if let Err(failure) = sent {
        app.telemetry.dropped_packets.increment(1);
        tracing::debug!(%failure, "a packet was dropped");
    }
}
