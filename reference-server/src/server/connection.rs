//! One connection: HTTP/1.1 with keep-alive and upgrades, until it ends, drains or is cut.

use std::net::IpAddr;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;

use super::drain::Lifecycle;
use super::front::Front;
use super::place::Placed;
use crate::config::Config;

/// Largest request head, and the most that is read ahead of a handler.
const BUFFER_BYTES: usize = 16 * 1024;

/// Time that a connection beyond the bound has for its one request.
const OVERFLOW_TIME: Duration = Duration::from_secs(5);

/// Time that it may take to send the head of it.
const OVERFLOW_HEAD: Duration = Duration::from_secs(2);

/// Starts connections.
pub struct Connections {
    full: Builder,
    once: Builder,
    front: Front,
    lifecycle: Lifecycle,
}

impl Connections {
    /// Connections that end up at this front.
    pub fn new(config: &Config, front: Front, lifecycle: Lifecycle) -> Self {
        let mut full = Builder::new();
        full.timer(TokioTimer::new())
            .header_read_timeout(config.http.head_timeout)
            .max_buf_size(BUFFER_BYTES);
        let mut once = full.clone();
        once.header_read_timeout(OVERFLOW_HEAD).keep_alive(false);
        Self { full, once, front, lifecycle }
    }

    /// Serves a connection that has a place.
    pub fn serve(&self, stream: Placed, peer: IpAddr) {
        let connection =
            self.full.serve_connection(TokioIo::new(stream), self.front.facing(peer)).with_upgrades();
        let Lifecycle { drain, cut } = self.lifecycle.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => return note(ended),
                () = drain.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            tokio::select! {
                ended = connection => note(ended),
                () = cut.cancelled() => {}
            }
        });
    }

    /// Answers one request of a connection that has none.
    pub fn answer_once(&self, stream: Placed, peer: IpAddr) {
        let connection =
            self.once.serve_connection(TokioIo::new(stream), self.front.facing(peer).beyond_the_bound());
        tokio::spawn(async move {
            if let Ok(ended) = timeout(OVERFLOW_TIME, connection).await {
                note(ended);
            }
        });
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(failure) = ended {
        tracing::debug!(%failure, "connection ended");
    }
}
