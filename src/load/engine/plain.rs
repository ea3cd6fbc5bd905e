//! A user's plain websocket, and the steps on it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::header::COOKIE;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::answer;
use super::inbox::{Inbox, Received};
use super::session::Session;
use super::socket::{late, no_session, rendered, unrendered};
use super::user::{Ending, StepResult, VirtualUser};
use crate::clients::ClientError;
use crate::clients::net::within;
use crate::clients::socketio::base64;
use crate::clients::socketio::binary::KEY;
use crate::clients::websocket::{Opening as WebSocketOpening, WebSocket};
use crate::config::duration::humanize;
use crate::load::recorder::Failure;
use crate::load::scenario::plan::{Message, MetricId, Opening, WsAwaited, WsStep};
use crate::load::scenario::template::Slots;

/// An open websocket with the messages that were not looked at yet.
#[derive(Debug)]
pub struct PlainSession {
    socket: WebSocket,
    metric: MetricId,
    /// Whether any step waits for messages.
    is_read: bool,
    inbox: Inbox<Frame>,
    /// When the message was due, and when it was sent, that the next one received answers.
    sent: Option<(Instant, Instant)>,
}

impl PlainSession {
    /// The row that it is counted in.
    pub fn metric(&self) -> MetricId {
        self.metric
    }

    /// Drives the connection for as long as it is polled; ends only when the connection does.
    pub async fn keep_driving(&mut self) -> Failure {
        loop {
            if let Err(error) = self.take_in().await {
                return Failure::from(&error);
            }
        }
    }

    /// Says goodbye, waiting for the server at most `limit`.
    pub async fn close(self, limit: Duration) {
        self.socket.close(limit).await;
    }

    async fn take_in(&mut self) -> Result<(), ClientError> {
        let message = self.socket.next().await?;
        if self.is_read {
            let bytes = message.len();
            self.inbox.keep(message, bytes);
        }
        Ok(())
    }

    /// The next message, beginning with those that have already come.
    async fn message(&mut self) -> Result<Received<Frame>, ClientError> {
        loop {
            if let Some(received) = self.inbox.take(|_| true) {
                return Ok(received);
            }
            self.take_in().await?;
        }
    }
}

impl VirtualUser {
    /// Opens the websocket where it is not, sends, waits: as far as the step says.
    pub(super) fn ws<'a>(&'a mut self, step: &'a WsStep) -> BoxFuture<'a, StepResult> {
        Box::pin(async move {
            let is_connect = step.send.is_none() && step.receive.is_none();
            if is_connect || self.session.is_none() {
                self.open_websocket(&step.opening).await?;
            }
            if let Some((metric, message)) = &step.send {
                self.send_message(*metric, message, &step.opening).await?;
                if step.receive.is_none() {
                    self.shared.recorder.sent(*metric);
                }
            }
            match &step.receive {
                Some(awaited) => self.receive_message(awaited).await,
                None => Ok(()),
            }
        })
    }

    async fn open_websocket(&mut self, opening: &Opening) -> StepResult {
        let begun = self.begin(opening.metric);
        let opened = self.opened(opening).await;
        let result = opened.map(|session| self.session = Some(Session::Plain(Box::new(session))));
        self.finish(opening.metric, begun, result)
    }

    async fn opened(&mut self, opening: &Opening) -> Result<PlainSession, Failure> {
        let path = opening.path.render(&self.slots).map_err(unrendered)?;
        let mut headers = rendered(&opening.headers, &self.slots)?;
        if let Some(cookies) =
            self.cookies.header(None).and_then(|value| value.to_str().ok().map(str::to_owned))
        {
            headers.push((COOKIE.to_string(), cookies));
        }
        let request = WebSocketOpening { path: &path, headers, subprotocols: &opening.subprotocols };
        let refused = |status, _: &[u8]| ClientError::Status { status, what: "to the websocket upgrade" };
        let opened = within(opening.timeout, WebSocket::open(&self.shared.connector, request, refused)).await;
        let (socket, answer) = opened.map_err(|error| Failure::from(&error))?;
        self.cookies.store(&answer);
        let is_read = self.shared.plan.scenarios[self.scenario].awaits_messages;
        Ok(PlainSession { socket, metric: opening.metric, is_read, inbox: Inbox::default(), sent: None })
    }

    /// Sends a message; the time of the answer, should one be awaited, counts from here.
    async fn send_message(&mut self, metric: MetricId, message: &Message, opening: &Opening) -> StepResult {
        let frame = frame(message, &self.slots).map_err(|error| self.broken(&error))?;
        let begun = self.begin(metric);
        let due = self.due.min(begun);
        let Some(Session::Plain(mut session)) = self.session.take() else {
            return self.finish(metric, begun, Err(no_session()));
        };
        match timeout(opening.timeout, session.socket.send(frame)).await {
            Err(_) => return self.finish(metric, begun, Err(late(false, opening.timeout))),
            Ok(Err(error)) => return self.finish(metric, begun, Err(Failure::from(&error))),
            Ok(Ok(())) => {}
        }
        session.sent = Some((due, begun));
        self.session = Some(Session::Plain(session));
        self.in_flight = None;
        self.due = Instant::now();
        Ok(())
    }

    /// Waits for a message. The run's end is no failure of the one who waits: the other side ended too.
    async fn receive_message(&mut self, awaited: &WsAwaited) -> StepResult {
        let Some(Session::Plain(mut session)) = self.session.take() else {
            return Err(Ending::Fruitless);
        };
        let begun = self.begin_answer(awaited.metric, session.sent.take());
        let shared = Arc::clone(&self.shared);
        let (limit, is_closed) = (awaited.answer.timeout, self.is_closed());
        let received = tokio::select! {
            biased;
            received = timeout(limit, self.selected(awaited, &mut session)) => Some(received),
            () = shared.stop.soft.cancelled() => None,
            () = tokio::time::sleep_until(self.ends_at), if is_closed => None,
        };
        match received {
            None => {
                self.in_flight = None;
                self.session = Some(Session::Plain(session));
                Err(Ending::Cut)
            }
            Some(Err(_)) => {
                let detail = format!("no message within {}", humanize(limit));
                self.finish(awaited.metric, begun, Err(Failure::answered("message timeout", detail)))
            }
            Some(Ok(Err(error))) => self.finish(awaited.metric, begun, Err(Failure::from(&error))),
            Some(Ok(Ok((received, root)))) => {
                self.session = Some(Session::Plain(session));
                let result = self.take_message(awaited, &received, &root);
                self.finish_at(received.at, awaited.metric, begun, result)
            }
        }
    }

    /// An answer counts from the message that it answers.
    fn begin_answer(&mut self, metric: MetricId, sent: Option<(Instant, Instant)>) -> Instant {
        let begun = self.begin(metric);
        let Some((due, sent)) = sent else { return begun };
        self.due = due;
        self.in_flight = Some((metric, sent));
        sent
    }

    /// The first message that is the one waited for; others are passed over.
    async fn selected(
        &self,
        awaited: &WsAwaited,
        session: &mut PlainSession,
    ) -> Result<(Received<Frame>, Value), ClientError> {
        loop {
            let received = session.message().await?;
            let root = value(&received.message);
            // Nobody reads why another message is not the one.
            let holds = |check| answer::check(check, &root, &self.slots, String::new).is_ok();
            if awaited.select.iter().all(holds) {
                return Ok((received, root));
            }
        }
    }

    fn take_message(
        &mut self,
        awaited: &WsAwaited,
        received: &Received<Frame>,
        root: &Value,
    ) -> Result<(), Failure> {
        self.take_values(&awaited.answer, root)?;
        match &awaited.delivery {
            Some((metric, path)) => {
                self.record_delivery(*metric, path, root, (received.at, received.at_epoch_micros))
            }
            None => Ok(()),
        }
    }
}

/// What is sent: text as it is, `{"$binary": "base64"}` as bytes, any other value as JSON.
fn frame(message: &Message, slots: &Slots) -> Result<Frame, String> {
    let value = match message {
        Message::Text(template) => return template.render(slots).map(Frame::text),
        Message::Json(template) => template.render(slots)?,
    };
    match value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get(KEY)?.as_str()) {
        Some(text) => {
            let bytes = base64::decode(text).ok_or_else(|| format!("the {KEY} `{text}` is no base64"))?;
            Ok(Frame::binary(bytes))
        }
        None => Ok(Frame::text(value.to_string())),
    }
}

/// What checks and captures see: JSON where it is JSON, else the text.
fn value(frame: &Frame) -> Value {
    match frame {
        Frame::Text(text) => {
            serde_json::from_str(text.as_str()).unwrap_or_else(|_| Value::String(text.as_str().to_owned()))
        }
        other => json!({KEY: base64::encode(&other.clone().into_data())}),
    }
}
