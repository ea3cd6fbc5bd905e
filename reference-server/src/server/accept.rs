//! The accept loop. It never stops accepting while the server runs: beyond the bound, connections are taken
//! only to be answered, so that no client waits in the backlog without a word, and probes still get through.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::arrivals::Arrivals;
use super::connection::Connections;
use super::drain::Lifecycle;
use super::front::Front;
use super::place::Placed;
use crate::app::App;
use crate::limits::OVERFLOW_CONNECTIONS;

/// Pause after the kernel has refused a connection: the reason will not have gone at once.
const BREATH: Duration = Duration::from_millis(50);

/// For those who come when even the overflow is full. It fits the socket's buffer, so writing does not wait.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 0\r\nx-request-id: none\r\n\r\n";

/// Accepts until it is dropped.
pub async fn accept(arrivals: &Arrivals, app: &Arc<App>, front: Front, lifecycle: &Lifecycle) {
    tokio::select! {
        () = admit_all(arrivals, app, front, lifecycle) => {}
        () = arrivals.renew(|| app.open_connections()) => {}
    }
}

async fn admit_all(arrivals: &Arrivals, app: &Arc<App>, front: Front, lifecycle: &Lifecycle) {
    let overflow = Arc::new(Semaphore::new(OVERFLOW_CONNECTIONS));
    let connections = Connections::new(&app.config, front, lifecycle.clone());
    loop {
        match arrivals.next(|| app.open_connections()).await {
            Ok((stream, peer)) => admit(stream, peer.ip(), app, &overflow, &connections),
            Err(failure) => pause_after(&failure).await,
        }
    }
}

fn admit(stream: TcpStream, peer: IpAddr, app: &App, overflow: &Arc<Semaphore>, connections: &Connections) {
    if let Err(failure) = stream.set_nodelay(true) {
        tracing::debug!(%failure, "the client has gone");
        return;
    }
    if let Ok(place) = Arc::clone(&app.places).try_acquire_owned() {
        return connections.serve(Placed::new(stream, place), peer);
    }
    app.telemetry.refused_connections.increment(1);
    match Arc::clone(overflow).try_acquire_owned() {
        Ok(place) => connections.answer_once(Placed::new(stream, place), peer),
        Err(_) => drop(stream.try_write(FULL)),
    }
}

/// A client that gives up while it waits is nobody's fault; anything else is worth a line.
async fn pause_after(failure: &io::Error) {
    if failure.kind() == io::ErrorKind::ConnectionAborted {
        return;
    }
    tracing::warn!(%failure, "cannot accept a connection");
    tokio::time::sleep(BREATH).await;
}
