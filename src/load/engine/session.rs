//! The connection of a user's scenario: Socket.IO or a plain websocket.

use std::time::Duration;

use super::plain::PlainSession;
use super::socket_session::SocketSession;
use crate::load::recorder::Failure;
use crate::load::scenario::plan::{Awaited, MetricId};

/// An open connection.
#[derive(Debug)]
pub enum Session {
    /// Socket.IO.
    SocketIo(Box<SocketSession>),
    /// Messages without further ado.
    Plain(Box<PlainSession>),
}

impl Session {
    /// The row that it is counted in.
    pub fn metric(&self) -> MetricId {
        match self {
            Self::SocketIo(session) => session.metric(),
            Self::Plain(session) => session.metric(),
        }
    }

    /// Whether it has failed at a server that has to be told.
    pub fn owes_goodbye(&self) -> bool {
        matches!(self, Self::SocketIo(session) if session.owes_goodbye())
    }

    /// Says goodbye, waiting for the server at most `limit`.
    pub async fn close(self, limit: Duration) {
        match self {
            Self::SocketIo(session) => session.close(limit).await,
            Self::Plain(session) => session.close(limit).await,
        }
    }
}

/// Drives a connection for as long as it is polled; ends only when the connection does.
pub(super) async fn keep_driving(session: Option<&mut Session>, awaited: &[Awaited]) -> Failure {
    match session {
        None => std::future::pending().await,
        Some(Session::SocketIo(session)) => session.keep_driving(awaited).await,
        Some(Session::Plain(session)) => session.keep_driving().await,
    }
}

/// A failure while nothing was asked of the connection.
pub(super) fn connection_lost(failure: Failure) -> Failure {
    Failure { cause: format!("connection lost: {}", failure.cause), ..failure }
}
