//! The server whose limit is known: so many places, each taken for a fixed time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::FaultServer;

/// An HTTP/1.1 server with keep-alive that answers everything with 200 after `service`, to at most `places` requests
/// at once; others wait their turn. Its limit is `places / service`, whatever the machine does: a place is free again
/// when its time is over by the clock, not when a late timer says so.
#[derive(Debug)]
pub struct QueueServer {
    service: Duration,
    /// When each place is free again.
    places: Mutex<Vec<Instant>>,
}

impl QueueServer {
    /// Starts it.
    pub fn start(places: usize, service: Duration) -> FaultServer {
        let server = Arc::new(Self { service, places: Mutex::new(vec![Instant::now(); places]) });
        FaultServer::start(move |connection, _, _| serve(Arc::clone(&server), connection))
    }

    /// Takes the place that is free first, from the moment it is; returns when it is free again.
    async fn take_place(&self) -> Option<Instant> {
        let mut places = self.places.lock().await;
        let first = places.iter_mut().min()?;
        *first = (*first).max(Instant::now()) + self.service;
        Some(*first)
    }
}

async fn serve(server: Arc<QueueServer>, connection: TcpStream) {
    // Ends with an error when the client closes: nothing to report.
    let answer = service_fn(move |request| answer(Arc::clone(&server), request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), answer).await;
}

async fn answer(
    server: Arc<QueueServer>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_found = request.uri().path() == "/";
    // A body left unread would close the connection.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(b"ok\n")));
    if !is_found {
        *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        return Ok(response);
    }
    if let Some(done) = server.take_place().await {
        sleep_until(done).await;
    }
    Ok(response)
}
