//! A user's Socket.IO connection with the events it has not looked at yet.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::clients::socketio::{Packet, PacketKind, SocketIo};
use crate::load::recorder::Failure;
use crate::load::scenario::plan::MetricId;
use crate::load::scenario::template::epoch_micros;

/// Events kept for later steps; beyond this the oldest give way, so that a talkative server cannot fill memory.
const INBOX: usize = 1_024;
const INBOX_BYTES: usize = 1 << 20;

/// An open connection.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub io: SocketIo,
    /// The row it is counted in.
    pub metric: MetricId,
    /// Namespaces that were joined.
    pub joined: Vec<String>,
    inbox: VecDeque<Received>,
    inbox_bytes: usize,
}

/// An event and when it came.
#[derive(Debug)]
pub struct Received {
    /// The event.
    pub packet: Packet,
    /// On this process' clock.
    pub at: Instant,
    /// Microseconds since 1970, to compare with a sender's.
    pub at_epoch_micros: u64,
    event: String,
}

impl Session {
    /// A session on a connection just opened.
    pub fn new(io: SocketIo, metric: MetricId) -> Self {
        Self { io, metric, joined: Vec::new(), inbox: VecDeque::new(), inbox_bytes: 0 }
    }

    /// Reads one packet: an awaited event is kept, an acknowledgement comes out, anything else is dropped.
    pub async fn take_in(&mut self, awaited: &[String]) -> Result<Option<Packet>, Failure> {
        let packet = self.io.next().await.map_err(|error| Failure::from(&error))?;
        match packet.kind {
            PacketKind::Event => {
                self.keep(packet, awaited);
                Ok(None)
            }
            PacketKind::Ack => Ok(Some(packet)),
            PacketKind::Connect | PacketKind::ConnectError => Ok(None),
            PacketKind::Disconnect => Err(Failure {
                cause: "disconnected by server".to_owned(),
                detail: format!("the server ended the session in {}", packet.namespace),
                is_timed: false,
            }),
        }
    }

    /// Waits for the acknowledgement `id`; events that come first are kept, late acknowledgements dropped.
    pub async fn acknowledgement(&mut self, id: u32, awaited: &[String]) -> Result<Packet, Failure> {
        loop {
            match self.take_in(awaited).await? {
                Some(ack) if ack.id == Some(id) => return Ok(ack),
                _ => {}
            }
        }
    }

    /// Waits for an event of that name, beginning with those that have already come.
    pub async fn event(
        &mut self,
        namespace: &str,
        event: &str,
        awaited: &[String],
    ) -> Result<Received, Failure> {
        loop {
            if let Some(received) = self.received(namespace, event) {
                return Ok(received);
            }
            self.take_in(awaited).await?;
        }
    }

    /// The oldest event of that name, if one has come.
    fn received(&mut self, namespace: &str, event: &str) -> Option<Received> {
        let index = self
            .inbox
            .iter()
            .position(|received| received.event == event && received.packet.namespace == namespace)?;
        let received = self.inbox.remove(index)?;
        self.inbox_bytes -= received.packet.payload.len();
        Some(received)
    }

    fn keep(&mut self, packet: Packet, awaited: &[String]) {
        let Some(event) = packet.event_name().filter(|name| awaited.contains(name)) else { return };
        self.inbox_bytes += packet.payload.len();
        while self.inbox.len() >= INBOX || (self.inbox_bytes > INBOX_BYTES && !self.inbox.is_empty()) {
            let oldest = self.inbox.pop_front().map_or(0, |oldest| oldest.packet.payload.len());
            self.inbox_bytes -= oldest;
        }
        let (at, at_epoch_micros) = (Instant::now(), epoch_micros());
        self.inbox.push_back(Received { packet, at, at_epoch_micros, event });
    }
}

/// Drives a connection for as long as it is polled; ends only when the connection does.
pub(super) async fn keep_driving(session: Option<&mut Session>, awaited: &[String]) -> Failure {
    let Some(session) = session else { return std::future::pending().await };
    loop {
        if let Err(error) = session.take_in(awaited).await {
            return error;
        }
    }
}
