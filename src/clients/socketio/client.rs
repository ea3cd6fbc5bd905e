//! A connection that comes back: after a loss it waits as socket.io-client does, connects and joins its namespaces
//! again, and lets the server restore what it still knows.

use std::time::Duration;

use hyper::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::ReusableBoxFuture;

use super::backoff::Backoff;
use super::connection::{Event as SocketEvent, Member, SocketIo};
use super::options::OpenOptions;
use super::outgoing::Outgoing;
use super::packet::{Packet, PacketKind};
use crate::clients::cookies::CookieJar;
use crate::clients::{ClientError, Connector};

/// How a client comes back.
#[derive(Debug, Clone)]
pub struct Reconnection {
    /// When it tries.
    pub backoff: Backoff,
    /// How long an attempt, and each namespace of it, may take.
    pub limit: Duration,
}

/// A connection, open or on its way back.
#[derive(Debug)]
pub struct Client {
    link: Link,
    home: Option<Box<Home>>,
    cookies: Option<Box<HeaderMap>>,
}

#[derive(Debug)]
enum Link {
    Up(Box<SocketIo>),
    /// Lost; the next attempt begins then.
    Waiting(Instant),
    Dialing(ReusableBoxFuture<'static, Result<(SocketIo, bool), ClientError>>),
    /// Of no use any more, at a server that is there and has to be told.
    Leaving(Box<SocketIo>),
    Gone,
}

/// How long a goodbye may take that nobody waits for.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long a goodbye may take to a server that has broken the protocol.
const PARTING: Duration = Duration::from_millis(500);

/// What it takes to come back.
#[derive(Debug)]
struct Home {
    connector: Connector,
    options: OpenOptions,
    reconnection: Reconnection,
    members: Vec<Member>,
    attempt: u32,
    lost_at: Instant,
    is_cut_clean: bool,
}

/// What a client has to tell.
#[derive(Debug)]
pub enum Event {
    /// A packet.
    Packet(Packet),
    /// It went over from polling to a websocket, in this time.
    Upgraded(Duration),
    /// It stays with polling.
    UpgradeFailed(ClientError),
    /// The server has ended the session in this namespace; it goes on in others.
    Left(String),
    /// It is gone, and will be tried again.
    Lost(ClientError),
    /// An attempt to come back failed; there will be another.
    AttemptFailed(ClientError),
    /// It is back.
    Back {
        /// Since the loss.
        took: Duration,
        /// Whether the server has restored every session.
        is_recovered: bool,
    },
}

impl Client {
    /// Connects; with `reconnection`, it comes back after a loss.
    pub async fn open(
        connector: &Connector,
        mut options: OpenOptions,
        limit: Duration,
        reconnection: Option<Reconnection>,
    ) -> Result<Self, ClientError> {
        options.is_kept = reconnection.is_some();
        let home = reconnection.map(|reconnection| {
            let (connector, options) = (connector.clone(), options.clone());
            let (members, lost_at) = (Vec::new(), Instant::now());
            Box::new(Home {
                connector,
                options,
                reconnection,
                members,
                attempt: 0,
                lost_at,
                is_cut_clean: false,
            })
        });
        let (socket, _) = SocketIo::open(connector, options, limit).await?;
        Ok(Self { link: Link::Up(Box::new(socket)), home, cookies: None })
    }

    /// The connection while it is open.
    pub fn socket(&mut self) -> Option<&mut SocketIo> {
        match &mut self.link {
            Link::Up(socket) => Some(socket),
            Link::Waiting(_) | Link::Dialing(_) | Link::Leaving(_) | Link::Gone => None,
        }
    }

    /// Whether it is lost and will be tried again.
    pub fn is_coming_back(&self) -> bool {
        matches!(self.link, Link::Waiting(_) | Link::Dialing(_))
    }

    /// Whether `namespace` was joined; on its way back, whether it will be again.
    pub fn has_joined(&self, namespace: &str) -> bool {
        match &self.link {
            Link::Up(socket) => socket.has_joined(namespace),
            _ => {
                let mut members = self.home.iter().flat_map(|home| &home.members);
                members.any(|member| *member.namespace == *namespace)
            }
        }
    }

    /// Whether it is lost to us but not to the server: [`Self::close`] says goodbye.
    pub fn owes_goodbye(&self) -> bool {
        matches!(self.link, Link::Leaving(_))
    }

    /// Joins a namespace on the open connection; of one that refuses, a goodbye is all that is left.
    pub async fn join(
        &mut self,
        namespace: &str,
        auth: Option<&Value>,
        limit: Duration,
    ) -> Result<(), ClientError> {
        let Some(socket) = self.socket() else { return Err(not_connected()) };
        let joined = socket.join(namespace, auth, limit).await;
        if joined.as_ref().is_err_and(is_answer)
            && let Link::Up(socket) = std::mem::replace(&mut self.link, Link::Gone)
        {
            self.link = Link::Leaving(socket);
        }
        joined
    }

    /// Emits on the open connection. A loss while it does so is an error here, and the client is on its way back.
    pub async fn emit(
        &mut self,
        namespace: &str,
        event: Outgoing,
        ack: bool,
    ) -> Result<Option<u32>, ClientError> {
        let Some(socket) = self.socket() else { return Err(not_connected()) };
        let result = socket.emit(namespace, event, ack).await;
        self.watched(result)
    }

    /// Answers an event of the server on the open connection.
    pub async fn acknowledge(
        &mut self,
        namespace: &str,
        id: u32,
        arguments: Outgoing,
    ) -> Result<(), ClientError> {
        let Some(socket) = self.socket() else { return Err(not_connected()) };
        let result = socket.acknowledge(namespace, id, arguments).await;
        self.watched(result)
    }

    /// What comes next. An error is final. May be cancelled without losing anything.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        loop {
            match &mut self.link {
                Link::Up(socket) => match socket.next().await {
                    Ok(SocketEvent::Packet(packet)) if packet.kind == PacketKind::Disconnect => {
                        let namespace = packet.namespace.into_owned();
                        if socket.leave(&namespace) {
                            return Ok(Event::Left(namespace));
                        }
                        return self.lose(ClientError::Disconnected(namespace)).map(Event::Lost);
                    }
                    Ok(SocketEvent::Packet(packet)) => return Ok(Event::Packet(packet)),
                    Ok(SocketEvent::Upgraded(took)) => return Ok(Event::Upgraded(took)),
                    Ok(SocketEvent::UpgradeFailed(error)) => return Ok(Event::UpgradeFailed(error)),
                    Err(error) => return self.lose(error).map(Event::Lost),
                },
                Link::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    self.dial();
                }
                Link::Dialing(attempt) => {
                    let outcome = std::future::poll_fn(|cx| attempt.poll(cx)).await;
                    return self.settle(outcome);
                }
                Link::Leaving(_) | Link::Gone => return Err(self.gone()),
            }
        }
    }

    /// Is lost at that moment, with a goodbye or without; only a connection that comes back can be.
    pub fn cut_at(&mut self, moment: Option<Instant>, is_clean: bool) {
        if let (Link::Up(socket), Some(home)) = (&mut self.link, &mut self.home) {
            socket.cut_at(moment);
            home.is_cut_clean = is_clean;
        }
    }

    /// Says goodbye, waiting for the server at most `limit`.
    pub async fn close(self, limit: Duration) {
        match self.link {
            Link::Up(socket) => socket.close(limit).await,
            Link::Leaving(socket) => socket.close(limit.min(PARTING)).await,
            Link::Waiting(_) | Link::Dialing(_) | Link::Gone => {}
        }
    }

    /// The cookies that were set since this was last asked.
    pub fn take_cookies(&mut self) -> Option<HeaderMap> {
        let kept = self.cookies.take().map(|cookies| *cookies);
        kept.or_else(|| self.socket().and_then(SocketIo::take_cookies))
    }

    /// The cookies to send from now on, where requests are still to be sent.
    pub fn use_cookies(&mut self, cookies: &CookieJar) {
        if let Some(home) = self.home.as_mut().filter(|home| home.options.cookies != *cookies) {
            home.options.cookies.clone_from(cookies);
        }
        if let Some(socket) = self.socket() {
            socket.use_cookies(cookies);
        }
    }

    fn watched<T>(&mut self, result: Result<T, ClientError>) -> Result<T, ClientError> {
        result.map_err(|error| match self.lose(error) {
            Ok(error) | Err(error) => error,
        })
    }

    /// Puts the client on its way back and returns why; an error when it does not come back.
    fn lose(&mut self, error: ClientError) -> Result<ClientError, ClientError> {
        let Link::Up(mut socket) = std::mem::replace(&mut self.link, Link::Gone) else { return Err(error) };
        let Some(home) = &mut self.home else {
            if is_answer(&error) {
                self.link = Link::Leaving(socket);
            }
            return Err(error);
        };
        if let Some(cookies) = socket.take_cookies() {
            home.options.cookies.store(&cookies);
            self.cookies = Some(Box::new(cookies));
        }
        if is_answer(&error) || matches!(error, ClientError::Cut) && home.is_cut_clean {
            home.members = socket.members().to_vec();
            tokio::spawn(socket.close(GOODBYE));
        } else {
            home.members = socket.take_members();
        }
        (home.attempt, home.lost_at) = (0, Instant::now());
        // A server that ended the session on purpose does not want it back.
        if matches!(error, ClientError::Disconnected(_)) {
            return Err(error);
        }
        self.wait(error)
    }

    /// Sets the next attempt. After the last one the client is gone, which `next` tells.
    fn wait(&mut self, error: ClientError) -> Result<ClientError, ClientError> {
        let Some(home) = &self.home else { return Err(error) };
        match home.reconnection.backoff.wait(home.attempt) {
            Some(wait) => self.link = Link::Waiting(Instant::now() + wait),
            None if home.attempt == 0 => return Err(error),
            None => {}
        }
        Ok(error)
    }

    fn gone(&self) -> ClientError {
        match self.home.as_ref().map(|home| home.attempt) {
            Some(attempts @ 1..) => ClientError::GaveUp(attempts),
            _ => not_connected(),
        }
    }

    fn dial(&mut self) {
        let Some(home) = &mut self.home else { return };
        home.attempt += 1;
        let (connector, options) = (home.connector.clone(), home.options.clone());
        let members: Vec<_> = home.members.iter().map(|m| (m.namespace.clone(), m.again.clone())).collect();
        let limit = home.reconnection.limit;
        self.link = Link::Dialing(ReusableBoxFuture::new(async move {
            let (mut socket, _) = SocketIo::open(&connector, options, limit).await?;
            let mut is_recovered = true;
            for (namespace, again) in members {
                let again = again.map(|again| *again).unwrap_or_default();
                is_recovered &= socket.join_again(&namespace, again, limit).await?;
            }
            Ok((socket, is_recovered))
        }));
    }

    fn settle(&mut self, outcome: Result<(SocketIo, bool), ClientError>) -> Result<Event, ClientError> {
        self.link = Link::Gone;
        match outcome {
            Ok((socket, is_recovered)) => {
                self.link = Link::Up(Box::new(socket));
                let took = self.home.as_ref().map(|home| home.lost_at.elapsed()).unwrap_or_default();
                Ok(Event::Back { took, is_recovered })
            }
            // Whoever is not let in does not knock again.
            Err(error @ ClientError::Refused(_)) => Err(error),
            Err(error) => self.wait(error).map(Event::AttemptFailed),
        }
    }
}

/// Whether the server is there and has said what ends this: on polling, a session that nobody closes would stay open
/// at the server until its heartbeat is overdue.
fn is_answer(error: &ClientError) -> bool {
    matches!(error, ClientError::Protocol(_) | ClientError::TooLarge { .. } | ClientError::Refused(_))
}

fn not_connected() -> ClientError {
    ClientError::Closed("before this step")
}
