//! The HTTP server of the page: two documents, few connections, one address.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Shown;

/// Connections at once; more wait.
const CONNECTIONS: u32 = 16;
/// How long a viewer may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

type Body = BoxBody<Bytes, Infallible>;

/// A running server.
#[derive(Debug)]
pub struct Server {
    connections: Arc<Semaphore>,
    accept: JoinHandle<()>,
}

/// What every connection needs.
struct Site {
    page: Bytes,
    shown: watch::Receiver<Shown>,
    is_public: bool,
}

impl Server {
    /// Serves the page and the stream of what is shown.
    pub fn start(listener: TcpListener, page: Bytes, shown: watch::Receiver<Shown>, is_public: bool) -> Self {
        let connections = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let site = Arc::new(Site { page, shown, is_public });
        let accept = tokio::spawn(accept(listener, site, Arc::clone(&connections)));
        Self { connections, accept }
    }

    /// Takes no more viewers, and waits until those that there are have everything, or for so long.
    pub async fn finish(self, patience: Duration) {
        self.accept.abort();
        timeout(patience, self.connections.acquire_many(CONNECTIONS)).await.ok();
    }
}

async fn accept(listener: TcpListener, site: Arc<Site>, connections: Arc<Semaphore>) {
    while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            serve(stream, site).await;
            drop(permit);
        });
    }
}

async fn serve(stream: TcpStream, site: Arc<Site>) {
    let answer = service_fn(|request| {
        let answer = site.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut server = Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(REQUEST_LIMIT).keep_alive(false);
    // A viewer that goes away is nobody's trouble.
    server.serve_connection(TokioIo::new(stream), answer).await.ok();
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        if !self.is_public && !is_addressed_here(request) {
            return text(
                StatusCode::MISDIRECTED_REQUEST,
                "this page is seen under this machine's own name only",
            );
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => whole(StatusCode::OK, "text/html; charset=utf-8", self.page.clone()),
            (&Method::GET, "/events") => self.events(),
            (&Method::GET, _) => text(StatusCode::NOT_FOUND, "there is / and /events"),
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "this page can only be read"),
        }
    }

    /// What is shown now and whenever it changes; ends with the report.
    fn events(&self) -> Response<Body> {
        let mut shown = self.shown.clone();
        shown.mark_changed();
        let events = stream::unfold(Some(shown), |shown| async {
            let mut shown = shown?;
            shown.changed().await.ok()?;
            let now = shown.borrow_and_update().clone();
            let (event, next) = match now {
                Shown::Frame(event) => (event, Some(shown)),
                Shown::Over(event) => (event, None),
            };
            Some((Ok(Frame::data(event)), next))
        });
        respond(StatusCode::OK, "text/event-stream", BodyExt::boxed(StreamBody::new(events)))
    }
}

/// A page elsewhere could give its name this machine's address, and read along.
fn is_addressed_here(request: &Request<Incoming>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn text(status: StatusCode, words: &'static str) -> Response<Body> {
    whole(status, "text/plain; charset=utf-8", Bytes::from_static(words.as_bytes()))
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    respond(status, kind, Full::new(body).boxed())
}

fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
