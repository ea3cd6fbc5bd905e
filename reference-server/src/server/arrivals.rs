//! New connections: those of a listener of this process's own, or its share of a listener with other instances.

use std::io;
use std::net::SocketAddr;

use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, TcpStream};

use super::tally::Tally;
use crate::config::Instance;

/// Where connections come from.
pub enum Arrivals {
    /// Nobody else listens.
    Alone(TcpListener),
    /// Others accept from the same listener.
    Among(AsyncFd<std::net::TcpListener>, Tally),
}

impl Arrivals {
    /// The arrivals of a listener, which is shared if this is one of several instances.
    pub fn new(listener: TcpListener, instance: Option<&Instance>) -> io::Result<Self> {
        match instance {
            None => Ok(Self::Alone(listener)),
            Some(instance) => Ok(Self::Among(watch(listener.into_std()?)?, Tally::open(instance)?)),
        }
    }

    /// The next connection; `open` tells how many there are already.
    pub async fn next(&self, open: impl Fn() -> usize) -> io::Result<(TcpStream, SocketAddr)> {
        let (listener, tally) = match self {
            Self::Alone(listener) => return listener.accept().await,
            Self::Among(listener, tally) => (listener, tally),
        };
        loop {
            let mut ready = listener.readable().await?;
            tally.give_way(&open).await;
            // Another instance may have been faster.
            if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().accept()) {
                let (stream, peer) = accepted?;
                stream.set_nonblocking(true)?;
                return Ok((TcpStream::from_std(stream)?, peer));
            }
        }
    }

    /// Lets the other instances know of this one, until it is dropped.
    pub async fn renew(&self, open: impl Fn() -> usize) {
        match self {
            Self::Alone(_) => std::future::pending().await,
            Self::Among(_, tally) => tally.renew(open).await,
        }
    }
}

/// tokio's own listener cannot be asked whether somebody waits without taking them.
#[expect(
    deprecated,
    reason = "its successor is unsafe; a listener owns its descriptor, which is what it asks for"
)]
fn watch(listener: std::net::TcpListener) -> io::Result<AsyncFd<std::net::TcpListener>> {
    AsyncFd::new(listener)
}
