//! What an event leads to: an answer to its sender and events to others, as values. The answer goes first, so
//! that a client that waits for it has it before anything that it caused.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::{Value, json};
use socketioxide::extract::AckSender;
use socketioxide::handler::{FromMessageParts, Value as Packet};
use socketioxide::operators::BroadcastOperators;
use socketioxide::socket::{Sid, Socket};

use super::backplane::{Adapter, SocketRef};
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

    /// The event may have had its effect, or may still have it.
    pub fn unknown_outcome() -> Self {
        let message = "this may have been done: look before trying again";
        Self { code: "unknown_outcome", message: message.into() }
    }

    /// Redis is away, and this instance does not know the answer alone.
    pub fn unavailable() -> Self {
        Self { code: "unavailable", message: "this cannot be done now: try again in a moment".into() }
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
    ack: AckSender<Adapter>,
    is_wanted: bool,
}

impl FromMessageParts<Adapter> for Reply {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket<Adapter>>,
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

/// Sends an event, at all instances. A receiver that has gone misses it; one that does not read loses it, which
/// is counted. Nothing here waits: other instances are told by messages that only queue up.
pub fn emit(app: &App, sender: Option<&SocketRef>, Emission { target, event, data }: &Emission) {
    let receivers = match target {
        Target::Socket(sid) => match app.socket(*sid) {
            Some(socket) => return count_dropped(app, socket.emit(event, data)),
            None => app.sockets().filter(|_| app.config.spans_instances()).map(|sockets| sockets.to(*sid)),
        },
        Target::Others(room) => match sender {
            Some(socket) => Some(reach(app, socket.to(room.clone()))),
            None => in_room(app, room),
        },
        Target::Room(room) => in_room(app, room),
    };
    let Some(receivers) = receivers else { return };
    count_dropped(app, receivers.emit(event, data).now_or_never().unwrap_or(Ok(())));
}

fn in_room(app: &App, room: &str) -> Option<BroadcastOperators<Adapter>> {
    app.sockets().map(|sockets| reach(app, sockets.to(room.to_owned())))
}

/// Without others to tell, the packet is not encoded for them.
fn reach(app: &App, receivers: BroadcastOperators<Adapter>) -> BroadcastOperators<Adapter> {
    if app.config.spans_instances() { receivers } else { receivers.local() }
}

/// Sends an event to the sockets in a room at this instance.
pub fn emit_here(app: &App, room: String, event: &str, data: &Value) {
    let Some(sockets) = app.sockets() else { return };
    let told = sockets.to(room).local().emit(event, data).now_or_never();
    count_dropped(app, told.unwrap_or(Ok(())));
}

/// Sends an event to every socket of this instance.
pub fn emit_all_here(app: &App, event: &str, data: &Value) {
    let Some(sockets) = app.sockets() else { return };
    count_dropped(app, sockets.local().emit(event, data).now_or_never().unwrap_or(Ok(())));
}

/// Counts a packet that its receiver will not get.
pub fn count_dropped<E: std::fmt::Display>(app: &App, sent: Result<(), E>) {
    if let Err(failure) = sent {
        app.telemetry.dropped_packets.increment(1);
        tracing::debug!(%failure, "a packet was dropped");
    }
}
