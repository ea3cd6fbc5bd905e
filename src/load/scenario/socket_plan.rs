//! Steps on Socket.IO and on plain websockets, worked out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::TransportMix;
use super::plan::{AnswerPlan, JsonCheck, JsonPath, MetricId};
use super::template::{JsonTemplate, Template};
use crate::clients::socketio::{Reconnection, Transport};

/// How Socket.IO is spoken.
#[derive(Debug, Default)]
pub struct SocketPlan {
    /// Path of the endpoint.
    pub path: String,
    /// Which way the packets of a user take.
    pub ways: Ways,
    /// How a lost connection comes back; it does not when there is none.
    pub reconnection: Option<Reconnection>,
    /// The rows of what no step asks for.
    pub rows: SocketRows,
}

/// The rows of what no step asks for; there is none for what cannot happen.
#[derive(Debug, Clone, Copy, Default)]
pub struct SocketRows {
    /// From polling to a websocket.
    pub upgrade: Option<MetricId>,
    /// From a loss until all namespaces are joined again, without what was there before.
    pub reconnect: Option<MetricId>,
    /// The same where the server has restored every session.
    pub recovered: Option<MetricId>,
}

/// Shares of the ways that packets take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ways(pub TransportMix);

impl Default for Ways {
    fn default() -> Self {
        Self(TransportMix { websocket: 100.0, ..TransportMix::default() })
    }
}

impl Ways {
    /// The way of an iteration: spread evenly by share, the same in every run.
    pub fn pick(&self, ticket: u64) -> Transport {
        // Not the number that spreads the scenarios: each of them shall have users on every way.
        const SILVER_RATIO: f64 = 0.414_213_562_373_095;
        let at = (ticket as f64 * SILVER_RATIO).fract() * 100.0;
        match at {
            at if at < self.0.upgrade => Transport::Upgrade,
            at if at < self.0.upgrade + self.0.polling => Transport::Polling,
            _ => Transport::Websocket,
        }
    }

    /// Connections that a user may hold at once: GET and POST, and a websocket on trial.
    pub fn connections(&self) -> u64 {
        match self.0 {
            TransportMix { upgrade, .. } if upgrade > 0.0 => 3,
            TransportMix { polling, .. } if polling > 0.0 => 2,
            _ => 1,
        }
    }
}

/// An event that some step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Its name.
    pub event: String,
    /// Whether a step answers it where the server asks for an acknowledgement.
    pub is_answered: bool,
}

/// Joining a namespace, on a new connection where there is none.
#[derive(Debug)]
pub struct Join {
    /// Its row.
    pub metric: MetricId,
    /// The namespace.
    pub namespace: String,
    /// Query parameters of a new connection.
    pub query: BTreeMap<String, Template>,
    /// Headers of a new connection.
    pub headers: BTreeMap<String, Template>,
    /// What the namespace is joined with.
    pub auth: Option<JsonTemplate>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Sending an event.
#[derive(Debug)]
pub struct EmitStep {
    /// Its row.
    pub metric: MetricId,
    /// Its namespace, to be joined should it be the first to need it.
    pub join: Join,
    /// `[name, argument, …]`.
    pub payload: JsonTemplate,
    /// Whether it is sent again when the connection is back without its session.
    pub again: bool,
    /// What is awaited.
    pub acknowledge: Option<AnswerPlan>,
    /// The event that answers.
    pub response: Option<(String, AnswerPlan)>,
}

/// Waiting for an event.
#[derive(Debug)]
pub struct ReceiveStep {
    /// Its row.
    pub metric: MetricId,
    /// Its namespace, to be joined should it be the first to need it.
    pub join: Join,
    /// The event's name.
    pub event: String,
    /// What it must be.
    pub answer: AnswerPlan,
    /// The row of delivery times, and where the sender's time is.
    pub delivery: Option<(MetricId, JsonPath)>,
    /// What the server gets where it asked for an acknowledgement.
    pub acknowledge: Option<JsonTemplate>,
}

/// Something to do with a plain websocket, opened first where it is not.
#[derive(Debug)]
pub struct WsStep {
    /// How it is opened.
    pub opening: Opening,
    /// What is sent: the row, and the message. None for `connect` and `receive`.
    pub send: Option<(MetricId, Message)>,
    /// What is awaited.
    pub receive: Option<WsAwaited>,
}

/// How a plain websocket is opened.
#[derive(Debug)]
pub struct Opening {
    /// Its row.
    pub metric: MetricId,
    /// Path and query.
    pub path: Template,
    /// Headers.
    pub headers: BTreeMap<String, Template>,
    /// Subprotocols to offer.
    pub subprotocols: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// A message for a plain websocket.
#[derive(Debug)]
pub enum Message {
    /// Text as it is written.
    Text(Template),
    /// Any other value as JSON, or bytes.
    Json(JsonTemplate),
}

/// A message to wait for on a plain websocket.
#[derive(Debug)]
pub struct WsAwaited {
    /// Its row; the row of the message that it answers where one `send` step does both.
    pub metric: MetricId,
    /// What makes it the one that is waited for.
    pub select: Vec<JsonCheck>,
    /// What it must be.
    pub answer: AnswerPlan,
    /// The row of delivery times, and where the sender's time is.
    pub delivery: Option<(MetricId, JsonPath)>,
}

#[cfg(test)]
mod tests {
    use super::Ways;
    use crate::clients::socketio::Transport;
    use crate::load::scenario::model::TransportMix;

    #[test]
    fn shares_are_kept_whatever_the_number_of_users() {
        let ways = Ways(TransportMix { websocket: 70.0, polling: 10.0, upgrade: 20.0 });
        for users in [10, 100, 1_000] {
            let count = |way| (0..users).filter(|ticket| ways.pick(*ticket) == way).count() as f64;
            let users = users as f64;
            assert!((count(Transport::Websocket) - 0.7 * users).abs() <= 2.0, "{users}");
            assert!((count(Transport::Upgrade) - 0.2 * users).abs() <= 2.0, "{users}");
        }
        assert_eq!((ways.connections(), Ways::default().connections()), (3, 1));
    }
}
