//! One Engine.IO session: its transport, the way from polling to a websocket, its heartbeat.
//!
//! Everything that is under way is kept in the session and driven by polling it, so that whoever awaits
//! [`EngineIo::next`] or [`EngineIo::send`] may stop at any moment without losing a packet.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::SET_COOKIE;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_util::sync::ReusableBoxFuture;

use super::frame::{Frame, Handshake, Wire, quote, refusal};
use super::options::{Dial, Transport};
use super::polling::Polling;
use crate::clients::ClientError;
use crate::clients::cookies::CookieJar;
use crate::clients::net::within;
use crate::clients::websocket::{Opening, WebSocket};

/// The longest patience with a heartbeat: the numbers come from the server.
const MAX_PATIENCE_MILLIS: u32 = 86_400_000;

/// What a session has to tell.
#[derive(Debug)]
pub enum EngineEvent {
    /// A packet of text; its first character is Engine.IO's.
    Message(Utf8Bytes),
    /// A packet of bytes.
    Binary(Bytes),
    /// It went over to a websocket, in this time.
    Upgraded(Duration),
    /// It stays with polling.
    UpgradeFailed(ClientError),
}

/// An open session: on a websocket, or on polling, or on polling with a websocket on trial.
#[derive(Debug)]
pub struct EngineIo {
    websocket: Option<WebSocket>,
    polling: Option<Box<Polling>>,
    trial: Option<Box<Trial>>,
    outbox: VecDeque<Wire>,
    /// What came by polling before the session went over to a websocket.
    #[expect(clippy::box_collection, reason = "almost always absent, in a hundred thousand sessions")]
    arrived: Option<Box<VecDeque<Wire>>>,
    news: Option<Box<EngineEvent>>,
    dead_at: Instant,
    cut_at: Option<Instant>,
    patience_millis: u32,
    cookies: Option<Box<HeaderMap>>,
}

/// A websocket on trial.
#[derive(Debug)]
struct Trial {
    stage: Stage,
    begun: Instant,
}

#[derive(Debug)]
enum Stage {
    /// `2probe` is sent, `3probe` awaited.
    Trying(ReusableBoxFuture<'static, Result<WebSocket, ClientError>>),
    /// The requests that are under way are the last ones.
    Proven(Option<Box<WebSocket>>),
}

impl EngineIo {
    /// Opens a session. `limit` bounds the trial of a websocket; the opening itself is bounded by the caller.
    pub async fn open(dial: Dial, limit: Duration) -> Result<(Self, Handshake), ClientError> {
        let transport = dial.options.transport;
        if transport == Transport::Websocket {
            return Self::open_on_websocket(&dial).await;
        }
        let (polling, handshake) = Polling::open(dial).await?;
        let mut session = Self::new(&handshake);
        if transport == Transport::Upgrade && handshake.upgrades.iter().any(|name| name == "websocket") {
            let attempt = within(limit, prove_websocket(polling.dial().clone(), handshake.sid.clone()));
            let stage = Stage::Trying(ReusableBoxFuture::new(attempt));
            session.trial = Some(Box::new(Trial { stage, begun: Instant::now() }));
        }
        session.polling = Some(Box::new(polling));
        Ok((session, handshake))
    }

    async fn open_on_websocket(dial: &Dial) -> Result<(Self, Handshake), ClientError> {
        let (mut websocket, headers) = open_websocket(dial, None).await?;
        let handshake = match websocket.next().await {
            Ok(Message::Text(text)) => Handshake::decode(&text)?,
            Ok(other) => {
                let words = format!("got {} binary bytes instead of the Engine.IO handshake", other.len());
                return Err(ClientError::Protocol(words));
            }
            Err(ClientError::Closed(_)) => return Err(ClientError::Closed("before the Engine.IO handshake")),
            Err(error) => return Err(error),
        };
        let mut session = Self::new(&handshake);
        session.websocket = Some(websocket);
        session.cookies = headers.contains_key(SET_COOKIE).then(|| Box::new(headers));
        Ok((session, handshake))
    }

    fn new(handshake: &Handshake) -> Self {
        let patience = handshake.ping_interval.saturating_add(handshake.ping_timeout);
        let patience_millis = u32::try_from(patience).unwrap_or(u32::MAX).min(MAX_PATIENCE_MILLIS);
        Self {
            websocket: None,
            polling: None,
            trial: None,
            outbox: VecDeque::new(),
            arrived: None,
            news: None,
            dead_at: Instant::now() + Duration::from_millis(patience_millis.into()),
            cut_at: None,
            patience_millis,
            cookies: None,
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_millis.into())
    }

    /// Sends packets, in order. Those of a call that was given up are sent by the next one.
    pub async fn send(&mut self, packets: impl IntoIterator<Item = Wire>) -> Result<(), ClientError> {
        self.outbox.extend(packets);
        std::future::poll_fn(|cx| self.poll_sent(cx)).await
    }

    /// What comes next.
    pub async fn next(&mut self) -> Result<EngineEvent, ClientError> {
        loop {
            let dead_at = self.cut_at.map_or(self.dead_at, |cut_at| cut_at.min(self.dead_at));
            let event = std::future::poll_fn(|cx| self.poll_event(cx));
            // A ping in between moves the end of our patience, and the wait is begun anew.
            match tokio::time::timeout_at(dead_at, event).await {
                Ok(Ok(Some(event))) => return Ok(event),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) if self.cut_at.is_some_and(|cut_at| cut_at <= Instant::now()) => {
                    return Err(ClientError::Cut);
                }
                Err(_) => return Err(ClientError::PingTimeout(self.patience())),
            }
        }
    }

    /// Is lost at that moment, for whoever waits then.
    pub fn cut_at(&mut self, moment: Option<Instant>) {
        self.cut_at = moment;
    }

    /// Says goodbye and closes, waiting for the server at most `limit`.
    pub async fn close(mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let farewell = self.polling.is_some().then(|| Wire::Text(Utf8Bytes::from_static("1")));
        tokio::time::timeout_at(deadline, self.send(farewell)).await.ok();
        if let Some(websocket) = self.websocket {
            websocket.close(deadline.saturating_duration_since(Instant::now())).await;
        }
    }

    /// The cookies that were set since this was last asked.
    pub fn take_cookies(&mut self) -> Option<HeaderMap> {
        let opening = self.cookies.take().map(|headers| *headers);
        let polled = || self.polling.as_mut().map(|polling| polling.take_cookies());
        opening.or_else(polled).filter(|headers| !headers.is_empty())
    }

    /// The cookies to send from now on, where requests are still to be sent.
    pub fn use_cookies(&mut self, cookies: &CookieJar) {
        if let Some(polling) = &mut self.polling {
            polling.use_cookies(cookies);
        }
    }

    /// Goes on with all that is under way. Ready when everything is sent.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        if let Some(polling) = &mut self.polling {
            polling.drive(cx, &mut self.outbox)?;
            self.poll_trial(cx);
        }
        if let Some(polling) = &self.polling {
            let is_done = self.outbox.is_empty() && polling.has_sent();
            return if is_done { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let Some(websocket) = &mut self.websocket else { return Poll::Ready(Ok(())) };
        while let Some(packet) = self.outbox.pop_front() {
            let mut packet = Some(packet);
            let sent = websocket.poll_send(cx, || message(packet.take()));
            if let Some(unsent) = packet {
                self.outbox.push_front(unsent);
            }
            ready!(sent)?;
        }
        // An idle session keeps no room for packets.
        self.outbox = VecDeque::new();
        websocket.poll_flush(cx)
    }

    /// Goes over to the websocket on trial once it has answered and nothing is under way on polling.
    fn poll_trial(&mut self, cx: &mut Context<'_>) {
        let (Some(polling), Some(trial)) = (&mut self.polling, &mut self.trial) else { return };
        if let Stage::Trying(attempt) = &mut trial.stage {
            let Poll::Ready(outcome) = attempt.poll(cx) else { return };
            match outcome {
                Ok(websocket) => {
                    polling.pause();
                    trial.stage = Stage::Proven(Some(Box::new(websocket)));
                }
                Err(error) => {
                    self.trial = None;
                    self.news = Some(Box::new(EngineEvent::UpgradeFailed(error)));
                    return;
                }
            }
        }
        if !polling.is_idle() {
            return;
        }
        if let Stage::Proven(websocket) = &mut trial.stage {
            self.websocket = websocket.take().map(|websocket| *websocket);
        }
        self.outbox.push_front(Wire::Text(Utf8Bytes::from_static("5")));
        self.arrived = Some(Box::new(std::iter::from_fn(|| polling.take()).collect()));
        self.cookies = Some(Box::new(polling.take_cookies())).filter(|headers| !headers.is_empty());
        self.news = Some(Box::new(EngineEvent::Upgraded(trial.begun.elapsed())));
        (self.polling, self.trial) = (None, None);
    }

    /// None after a ping: the heartbeat has moved.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<EngineEvent>, ClientError>> {
        loop {
            if let Poll::Ready(Err(error)) = self.poll_sent(cx) {
                return Poll::Ready(Err(error));
            }
            if let Some(news) = self.news.take() {
                return Poll::Ready(Ok(Some(*news)));
            }
            match ready!(self.poll_wire(cx))? {
                Wire::Binary(bytes) => return Poll::Ready(Ok(Some(EngineEvent::Binary(bytes)))),
                Wire::Text(text) => match Frame::decode(&text).map_err(ClientError::Protocol)? {
                    Frame::Message(_) => return Poll::Ready(Ok(Some(EngineEvent::Message(text)))),
                    Frame::Ping(payload) => {
                        self.outbox.push_back(Wire::Text(format!("3{payload}").into()));
                        self.dead_at = Instant::now() + self.patience();
                        return Poll::Ready(Ok(None));
                    }
                    Frame::Close => {
                        return Poll::Ready(Err(ClientError::Closed("with an Engine.IO close packet")));
                    }
                    Frame::Open(_) => {
                        let words = "a second Engine.IO handshake".to_owned();
                        return Poll::Ready(Err(ClientError::Protocol(words)));
                    }
                    Frame::Pong(_) | Frame::Noop => {}
                },
            }
        }
    }

    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<Result<Wire, ClientError>> {
        if let Some(packet) = self.arrived.as_mut().and_then(|arrived| arrived.pop_front()) {
            return Poll::Ready(Ok(packet));
        }
        self.arrived = None;
        if let Some(polling) = &mut self.polling {
            return polling.take().map_or(Poll::Pending, |packet| Poll::Ready(Ok(packet)));
        }
        let Some(websocket) = &mut self.websocket else {
            return Poll::Ready(Err(ClientError::Closed("before this step")));
        };
        match ready!(websocket.poll_next(cx))? {
            Message::Text(text) => Poll::Ready(Ok(Wire::Text(text))),
            other => Poll::Ready(Ok(Wire::Binary(other.into_data()))),
        }
    }
}

fn message(packet: Option<Wire>) -> Message {
    match packet {
        Some(Wire::Text(text)) => Message::Text(text),
        Some(Wire::Binary(bytes)) => Message::Binary(bytes),
        None => Message::Ping(Bytes::new()),
    }
}

async fn open_websocket(dial: &Dial, sid: Option<&str>) -> Result<(WebSocket, HeaderMap), ClientError> {
    let path = dial.path("websocket", sid);
    let opening = Opening { path: &path, headers: dial.websocket_headers()?, subprotocols: &[] };
    let refused = |status, body: &[u8]| refusal(status, body, "to the websocket upgrade");
    WebSocket::open(&dial.connector, opening, refused).await
}

/// Opens a websocket for a session that polls, and lets the server prove that it answers on it.
async fn prove_websocket(dial: Dial, sid: String) -> Result<WebSocket, ClientError> {
    let (mut websocket, _) = open_websocket(&dial, Some(&sid)).await?;
    websocket.send(Message::text("2probe")).await?;
    match websocket.next().await? {
        Message::Text(text) if Frame::decode(&text) == Ok(Frame::Pong("probe")) => Ok(websocket),
        other => Err(ClientError::Protocol(format!("expected 3probe, got {}", quote(&other.to_string())))),
    }
}
