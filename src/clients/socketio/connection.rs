//! One Socket.IO connection: namespaces, events, acknowledgements, attachments. Its owner drives it by calling
//! [`SocketIo::next`].

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::engine::{EngineEvent, EngineIo};
use super::frame::{Handshake, Wire, quote};
use super::options::{Dial, OpenOptions};
use super::outgoing::{Outgoing, frames, wire};
use super::packet::{Packet, PacketKind};
use crate::clients::cookies::CookieJar;
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};

/// Packets that arrive while an answer is awaited; a server that sends more is misbehaving.
const MAX_BACKLOG: usize = 1 << 10;
/// All attachments of one packet together.
const MAX_ATTACHED_BYTES: usize = 16 << 20;

/// An open connection. It answers pings whenever it is driven.
#[derive(Debug)]
pub struct SocketIo {
    engine: EngineIo,
    members: Vec<Member>,
    backlog: VecDeque<Event>,
    /// A packet whose attachments are not all there.
    partial: Option<Box<Packet>>,
    next_ack: u32,
    is_kept: bool,
}

/// What a connection has to tell.
#[derive(Debug)]
pub enum Event {
    /// A packet, complete.
    Packet(Packet),
    /// It went over from polling to a websocket, in this time.
    Upgraded(Duration),
    /// It stays with polling.
    UpgradeFailed(ClientError),
}

/// A namespace that was joined.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub namespace: Box<str>,
    /// What it takes to come back, where that is wanted.
    pub again: Option<Box<Again>>,
}

/// What it takes to join a namespace once more.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// What it was joined with, as JSON.
    pub auth: Option<Box<str>>,
    /// The session's private id: with it, the server may restore what it knew.
    pub pid: Option<Box<str>>,
    /// The last packet that came.
    pub offset: Option<Box<str>>,
}

impl SocketIo {
    /// Connects and reads the Engine.IO handshake, all within `limit`.
    pub async fn open(
        connector: &Connector,
        options: OpenOptions,
        limit: Duration,
    ) -> Result<(Self, Handshake), ClientError> {
        let is_kept = options.is_kept;
        let dial = Dial { connector: connector.clone(), options };
        let (engine, handshake) = within(limit, EngineIo::open(dial, limit)).await?;
        let socket = Self {
            engine,
            members: Vec::new(),
            backlog: VecDeque::new(),
            partial: None,
            next_ack: 0,
            is_kept,
        };
        Ok((socket, handshake))
    }

    /// Joins `namespace` with `auth`.
    pub async fn join(
        &mut self,
        namespace: &str,
        auth: Option<&Value>,
        limit: Duration,
    ) -> Result<(), ClientError> {
        let auth = auth.map(|auth| auth.to_string().into());
        let again = Again { auth, ..Again::default() };
        self.join_again(namespace, again, limit).await.map(drop)
    }

    /// Joins `namespace` as somebody who was there before; whether the server has restored the session.
    pub async fn join_again(
        &mut self,
        namespace: &str,
        again: Again,
        limit: Duration,
    ) -> Result<bool, ClientError> {
        let payload = connect_payload(&again);
        let answer = within(limit, async {
            self.engine.send([wire(&Packet::new(PacketKind::Connect, namespace, None, payload))]).await?;
            self.join_answer(namespace).await
        });
        let answer = answer.await?;
        let pid = answer["pid"].as_str();
        let is_recovered = pid.is_some() && pid == again.pid.as_deref();
        let offset = again.offset.filter(|_| is_recovered);
        let kept = self.is_kept.then(|| Again { auth: again.auth, pid: pid.map(Into::into), offset });
        self.members.push(Member { namespace: namespace.into(), again: kept.map(Box::new) });
        Ok(is_recovered)
    }

    /// Whether `namespace` was joined.
    pub fn has_joined(&self, namespace: &str) -> bool {
        self.members.iter().any(|member| *member.namespace == *namespace)
    }

    /// Is no longer in `namespace`; whether it still is in another one.
    pub fn leave(&mut self, namespace: &str) -> bool {
        self.members.retain(|member| *member.namespace != *namespace);
        !self.members.is_empty()
    }

    /// The namespaces that were joined, in order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Is lost at that moment, for whoever waits then.
    pub fn cut_at(&mut self, moment: Option<Instant>) {
        self.engine.cut_at(moment);
    }

    /// The namespaces that were joined, in order; the connection is over for them.
    pub fn take_members(&mut self) -> Vec<Member> {
        std::mem::take(&mut self.members)
    }

    /// Emits an event; with `ack`, returns the id that the answer will have.
    pub async fn emit(
        &mut self,
        namespace: &str,
        event: Outgoing,
        ack: bool,
    ) -> Result<Option<u32>, ClientError> {
        let id = ack.then(|| {
            self.next_ack = self.next_ack.wrapping_add(1);
            self.next_ack
        });
        self.engine.send(frames(PacketKind::Event, namespace, id, event)).await?;
        Ok(id)
    }

    /// Answers an event of the server that asked for an acknowledgement.
    pub async fn acknowledge(
        &mut self,
        namespace: &str,
        id: u32,
        arguments: Outgoing,
    ) -> Result<(), ClientError> {
        self.engine.send(frames(PacketKind::Ack, namespace, Some(id), arguments)).await
    }

    /// What comes next. May be cancelled at any await point without losing anything.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        match self.backlog.pop_front() {
            Some(event) => Ok(event),
            None => {
                self.backlog = VecDeque::new();
                self.read().await
            }
        }
    }

    /// Leaves the namespaces and closes, waiting for the server at most `limit`.
    pub async fn close(mut self, limit: Duration) {
        let leave = |member: &Member| {
            wire(&Packet::new(PacketKind::Disconnect, &member.namespace, None, String::new()))
        };
        let farewells: Vec<Wire> = self.members.iter().map(leave).collect();
        let farewell = async {
            self.engine.send(farewells).await.ok();
            self.engine.close(limit).await;
        };
        tokio::time::timeout(limit, farewell).await.ok();
    }

    /// The cookies that were set since this was last asked.
    pub fn take_cookies(&mut self) -> Option<HeaderMap> {
        self.engine.take_cookies()
    }

    /// The cookies to send from now on, where requests are still to be sent.
    pub fn use_cookies(&mut self, cookies: &CookieJar) {
        self.engine.use_cookies(cookies);
    }

    async fn join_answer(&mut self, namespace: &str) -> Result<Value, ClientError> {
        loop {
            match self.read().await? {
                Event::Packet(packet) if packet.namespace == namespace => match packet.kind {
                    PacketKind::Connect => {
                        return Ok(serde_json::from_str(&packet.payload).unwrap_or_default());
                    }
                    PacketKind::ConnectError => return Err(ClientError::Refused(refusal(&packet.payload))),
                    _ => self.keep(Event::Packet(packet))?,
                },
                event => self.keep(event)?,
            }
        }
    }

    fn keep(&mut self, event: Event) -> Result<(), ClientError> {
        if self.backlog.len() >= MAX_BACKLOG {
            return Err(ClientError::Protocol("too many packets before the namespace's answer".into()));
        }
        self.backlog.push_back(event);
        Ok(())
    }

    async fn read(&mut self) -> Result<Event, ClientError> {
        loop {
            let complete = match self.engine.next().await? {
                EngineEvent::Upgraded(took) => return Ok(Event::Upgraded(took)),
                EngineEvent::UpgradeFailed(error) => return Ok(Event::UpgradeFailed(error)),
                EngineEvent::Message(text) => self.accept(&text[1..])?,
                EngineEvent::Binary(bytes) => self.attach(bytes)?,
            };
            if let Some(packet) = complete {
                self.note_offset(&packet);
                return Ok(Event::Packet(packet));
            }
        }
    }

    /// Takes in a packet; one with attachments comes out when they are there.
    fn accept(&mut self, text: &str) -> Result<Option<Packet>, ClientError> {
        if self.partial.is_some() {
            return Err(ClientError::Protocol(format!("expected an attachment, got {}", quote(text))));
        }
        let packet = Packet::decode(text).map_err(ClientError::Protocol)?;
        if packet.attachments > 0 {
            self.partial = Some(Box::new(packet));
            return Ok(None);
        }
        Ok(Some(packet))
    }

    fn attach(&mut self, bytes: Bytes) -> Result<Option<Packet>, ClientError> {
        let Some(mut packet) = self.partial.take() else {
            let words = format!("{} bytes that no packet has announced", bytes.len());
            return Err(ClientError::Protocol(words));
        };
        packet.binary.push(bytes);
        if packet.binary.iter().map(Bytes::len).sum::<usize>() > MAX_ATTACHED_BYTES {
            return Err(ClientError::TooLarge { limit_bytes: MAX_ATTACHED_BYTES });
        }
        if packet.binary.len() as u64 == u64::from(packet.attachments) {
            return Ok(Some(*packet));
        }
        self.partial = Some(packet);
        Ok(None)
    }

    /// With connection-state recovery, each event ends with its offset.
    fn note_offset(&mut self, packet: &Packet) {
        if packet.kind != PacketKind::Event {
            return;
        }
        let member = self.members.iter_mut().find(|member| *member.namespace == *packet.namespace);
        let Some(again) = member.and_then(|member| member.again.as_mut()) else { return };
        if again.pid.is_some() {
            again.offset = packet.last_text().map(Into::into).or_else(|| again.offset.take());
        }
    }
}

/// What a namespace is joined with: the application's own, and who we were.
fn connect_payload(again: &Again) -> String {
    let Some(pid) = &again.pid else {
        return again.auth.as_deref().unwrap_or_default().to_owned();
    };
    let mut payload = json!({"pid": pid});
    if let Some(offset) = &again.offset {
        payload["offset"] = (**offset).into();
    }
    let auth = again.auth.as_deref().and_then(|auth| serde_json::from_str(auth).ok());
    if let Some(Value::Object(auth)) = auth {
        auth.into_iter().for_each(|(name, value)| payload[name] = value);
    }
    payload.to_string()
}

/// The reason in a CONNECT_ERROR: `{"message": "…"}` by the protocol, anything in practice.
fn refusal(payload: &str) -> String {
    let value: Value = serde_json::from_str(payload).unwrap_or_default();
    value["message"].as_str().map_or_else(|| quote(payload), str::to_owned)
}
