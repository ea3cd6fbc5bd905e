//! A user's Socket.IO connection with the events it has not looked at yet.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

use super::fanout::Ears;
use super::inbox::{Inbox, Received};
use super::session::connection_lost;
use super::shared::Shared;
use super::storm::{Kept, Storming};
use crate::clients::ClientError;
use crate::clients::cookies::CookieJar;
use crate::clients::socketio::{Client, Event, Outgoing, Packet, PacketKind};
use crate::load::recorder::{Failure, Sample};
use crate::load::scenario::plan::{Awaited, MetricId};

/// An open connection, or one on its way back.
#[derive(Debug)]
pub struct SocketSession {
    client: Client,
    shared: Arc<Shared>,
    metric: MetricId,
    inbox: Inbox<Named>,
    ears: Option<Box<Ears>>,
    storm: Storming,
}

/// An event that some step waits for.
#[derive(Debug)]
pub struct Named {
    /// The event.
    pub packet: Packet,
    event: String,
}

/// What reading once came to.
enum Taken {
    /// Nothing that a step waits for.
    Nothing,
    /// An acknowledgement.
    Ack(Packet),
    /// The server has ended the session in this namespace.
    Left(String, Failure),
    /// The connection is on its way back; what was under way is lost.
    Lost(Failure),
}

/// An acknowledgement that a server has asked for: its id and the namespace.
type Owed = (u32, Cow<'static, str>);

impl SocketSession {
    /// A session on a connection just opened.
    pub fn new(client: Client, shared: Arc<Shared>, metric: MetricId, user: u32) -> Self {
        let storm = Storming::new(user);
        let mut session = Self { client, shared, metric, inbox: Inbox::default(), ears: None, storm };
        session.storm.arm(&session.shared, &mut session.client);
        session
    }

    /// Keeps an event to be sent again when the connection is back without its session.
    pub fn keep_for_return(&mut self, kept: Kept) {
        self.storm.keep(kept);
    }

    /// The row that it is counted in.
    pub fn metric(&self) -> MetricId {
        self.metric
    }

    /// Whether `namespace` was joined. A connection on its way back joins again what it had.
    pub fn has_joined(&self, namespace: &str) -> bool {
        self.client.has_joined(namespace)
    }

    /// Waits until the connection is open, should it be on its way back, and what is to be sent again has been sent: a
    /// message into a room comes after the room was joined.
    pub async fn be_back(&mut self, awaited: &[Awaited]) -> Result<(), Failure> {
        while self.client.socket().is_none() || self.storm.has_to_send() {
            self.take_in(awaited).await?;
        }
        Ok(())
    }

    /// Joins `namespace` on the open connection.
    pub async fn join(
        &mut self,
        namespace: &str,
        auth: Option<&Value>,
        limit: Duration,
    ) -> Result<(), ClientError> {
        self.client.join(namespace, auth, limit).await
    }

    /// Whether it has failed at a server that has to be told.
    pub fn owes_goodbye(&self) -> bool {
        self.client.owes_goodbye()
    }

    /// Sends an event, once the connection is open; the id of the acknowledgement that was asked for.
    pub async fn emit(
        &mut self,
        namespace: &str,
        event: Outgoing,
        ack: bool,
        awaited: &[Awaited],
    ) -> Result<Option<u32>, Failure> {
        // A user that only sends reads here what has come, so that pings are answered.
        while let Some(taken) = self.take_in(awaited).now_or_never() {
            taken?;
        }
        self.be_back(awaited).await?;
        // A server closes on whoever speaks in a namespace that it has ended.
        if !self.client.has_joined(namespace) {
            return Err(Failure::from(&ClientError::Disconnected(namespace.to_owned())));
        }
        self.client.emit(namespace, event, ack).await.map_err(|error| self.gone(&error))
    }

    /// Answers an event that asked for an acknowledgement.
    pub async fn acknowledge(&mut self, packet: &Packet, arguments: Outgoing) -> Result<(), Failure> {
        let Some(id) = packet.id else { return Ok(()) };
        let sent = self.client.acknowledge(&packet.namespace, id, arguments).await;
        sent.map_err(|error| self.gone(&error))
    }

    /// Waits for the acknowledgement `id`; events that come first are kept, late acknowledgements dropped.
    pub async fn acknowledgement(
        &mut self,
        namespace: &str,
        id: u32,
        awaited: &[Awaited],
    ) -> Result<Packet, Failure> {
        loop {
            match self.take_in(awaited).await? {
                Taken::Ack(ack) if ack.id == Some(id) => return Ok(ack),
                Taken::Left(left, failure) if left == namespace => return Err(failure),
                Taken::Ack(_) | Taken::Left(..) | Taken::Nothing => {}
                Taken::Lost(failure) => return Err(failure),
            }
        }
    }

    /// Waits for an event of that name, beginning with those that have already come.
    pub async fn event(
        &mut self,
        namespace: &str,
        event: &str,
        awaited: &[Awaited],
    ) -> Result<Received<Named>, Failure> {
        loop {
            let is_wanted = |named: &Named| named.event == event && named.packet.namespace == namespace;
            if let Some(received) = self.inbox.take(is_wanted) {
                return Ok(received);
            }
            if let Taken::Left(left, failure) = self.take_in(awaited).await?
                && left == namespace
            {
                return Err(failure);
            }
        }
    }

    /// Drives the connection for as long as it is polled; ends only when the connection does.
    pub async fn keep_driving(&mut self, awaited: &[Awaited]) -> Failure {
        loop {
            if let Err(failure) = self.take_in(awaited).await {
                return failure;
            }
        }
    }

    /// What it listens to, and what it publishes.
    pub fn ears(&mut self) -> &mut Ears {
        self.ears.get_or_insert_default()
    }

    /// Whether it listens or publishes at all.
    pub fn has_ears(&self) -> bool {
        self.ears.is_some()
    }

    /// Says goodbye, waiting for the server at most `limit`.
    pub async fn close(mut self, limit: Duration) {
        self.storm.settle(&self.shared, self.ears.as_deref());
        // What comes while it says goodbye is heard by nobody.
        self.ears = None;
        self.client.close(limit).await;
    }

    /// The cookies that were set since this was last asked.
    pub fn take_cookies(&mut self) -> Option<HeaderMap> {
        self.client.take_cookies()
    }

    /// The cookies to send from now on.
    pub fn use_cookies(&mut self, cookies: &CookieJar) {
        self.client.use_cookies(cookies);
    }

    /// Reads once, or sends what is due. An error is the connection's end. May be cancelled without losing anything.
    ///
    /// What is rare is boxed: everybody who only waits would hold room for it.
    async fn take_in(&mut self, awaited: &[Awaited]) -> Result<Taken, Failure> {
        let rows = self.shared.plan.socket.rows;
        if let Some(kept) = self.storm.next_to_send() {
            return Box::pin(self.send_again(kept)).await;
        }
        match self.client.next().await.map_err(|error| self.gone(&error))? {
            Event::Packet(packet) => {
                let (taken, owed) = self.sort(packet, awaited);
                return match owed {
                    Some(owed) => Box::pin(self.answer_nothing(owed)).await,
                    None => Ok(taken),
                };
            }
            Event::Upgraded(took) => self.record(rows.upgrade, took),
            Event::UpgradeFailed(error) => self.record_failure(rows.upgrade, &error),
            Event::AttemptFailed(error) => {
                self.storm.failed(&self.shared, &error);
                self.record_failure(rows.reconnect, &error);
            }
            Event::Back { took, is_recovered } => {
                self.storm.back(&self.shared, &mut self.client, took, is_recovered);
                self.record(if is_recovered { rows.recovered } else { rows.reconnect }, took);
            }
            Event::Left(namespace) => return Ok(self.left(namespace)),
            Event::Lost(error) => return self.lost(&error),
        }
        Ok(Taken::Nothing)
    }

    /// What a packet is to its reader, and the answer that is owed for it at once.
    fn sort(&mut self, packet: Packet, awaited: &[Awaited]) -> (Taken, Option<Owed>) {
        match packet.kind {
            PacketKind::Ack => return (Taken::Ack(packet), None),
            PacketKind::Event => {}
            PacketKind::Connect | PacketKind::ConnectError | PacketKind::Disconnect => {
                return (Taken::Nothing, None);
            }
        }
        let event = packet.event_name().unwrap_or_default();
        if let Some((row, took)) = self.ears.as_mut().and_then(|ears| ears.hear(&packet, &event)) {
            self.record(Some(row), took);
        }
        let known = awaited.iter().find(|known| known.event == event);
        let is_answered_later = known.is_some_and(|known| known.is_answered);
        let owed = packet.id.filter(|_| !is_answered_later).map(|id| (id, packet.namespace.clone()));
        if known.is_some() {
            let bytes = packet.size();
            self.inbox.keep(Named { packet, event }, bytes);
        }
        (Taken::Nothing, owed)
    }

    /// Whoever stops waiting here has it sent by the next one that waits.
    async fn send_again(
        &mut self,
        Kept { namespace, event, is_acknowledged }: Kept,
    ) -> Result<Taken, Failure> {
        match self.client.emit(&namespace, event, is_acknowledged).await {
            Ok(_) => Ok(Taken::Nothing),
            Err(error) => self.lost(&error),
        }
    }

    /// A server that asks gets an answer, as from any client whose handler has nothing to say.
    async fn answer_nothing(&mut self, (id, namespace): Owed) -> Result<Taken, Failure> {
        match self.client.acknowledge(&namespace, id, Outgoing::nothing()).await {
            Ok(()) => Ok(Taken::Nothing),
            Err(error) => self.lost(&error),
        }
    }

    /// A loss is counted where it happens, and is the end only when the connection does not come back.
    fn lost(&mut self, error: &ClientError) -> Result<Taken, Failure> {
        let failure = self.gone(error);
        if !self.client.is_coming_back() {
            return Err(failure);
        }
        if matches!(error, ClientError::Cut) {
            // What was done on purpose is no error of the system's.
            self.storm.cut(&self.shared, self.ears.as_deref());
        } else {
            self.shared.recorder.loss(self.metric, connection_lost(failure.clone()));
        }
        Ok(Taken::Lost(failure))
    }

    /// An end that the connection survives is counted as the loss that it is.
    fn left(&self, namespace: String) -> Taken {
        let failure = Failure::from(&ClientError::Disconnected(namespace.clone()));
        self.shared.recorder.loss(self.metric, connection_lost(failure.clone()));
        Taken::Left(namespace, failure)
    }

    /// Why something could not be done; that the connection is gone is told once, wherever it is noticed.
    fn gone(&mut self, error: &ClientError) -> Failure {
        if self.client.socket().is_none() && !matches!(error, ClientError::Cut) {
            self.storm.lost(&self.shared, self.ears.as_deref(), error);
        }
        Failure::from(error)
    }

    fn record(&self, row: Option<MetricId>, took: Duration) {
        let sample = Sample { ended: Instant::now(), response: took, service: took };
        row.into_iter().for_each(|row| self.shared.recorder.success(row, &sample));
    }

    fn record_failure(&self, row: Option<MetricId>, error: &ClientError) {
        let nothing = Sample { ended: Instant::now(), response: Duration::ZERO, service: Duration::ZERO };
        let failure = Failure { is_timed: false, ..Failure::from(error) };
        row.into_iter().for_each(|row| self.shared.recorder.failure(row, &nothing, failure.clone()));
    }
}
