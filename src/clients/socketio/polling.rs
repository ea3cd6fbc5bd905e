//! The polling transport: a GET that waits for packets, and a POST that brings them, never more than one of each.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::{HeaderMap, Method, Request};
use tokio_util::sync::ReusableBoxFuture;

use super::frame::{Handshake, Wire, refusal, split_payload, take_payload};
use super::options::Dial;
use crate::clients::cookies::CookieJar;
use crate::clients::http::{Headers, HttpConnection, HttpResponse};
use crate::clients::{ClientError, Connector};

/// What a server takes in one payload when it does not say.
const MAX_PAYLOAD: u64 = 1_000_000;

/// A session on the polling transport.
#[derive(Debug)]
pub struct Polling {
    dial: Dial,
    sid: String,
    max_payload: usize,
    get: Lane,
    post: Lane,
    arrived: VecDeque<Wire>,
    is_paused: bool,
    cookies: HeaderMap,
}

impl Polling {
    /// Opens a session.
    pub async fn open(dial: Dial) -> Result<(Self, Handshake), ClientError> {
        let request = request(&dial, Method::GET, None, None)?;
        let mut get = Lane::default();
        get.start(&dial.connector, request);
        let answer = std::future::poll_fn(|cx| get.poll(cx)).await?;
        let mut packets = VecDeque::from(payload(&answer)?);
        let Some(Wire::Text(first)) = packets.pop_front() else {
            return Err(ClientError::Protocol("expected the Engine.IO handshake, got bytes".into()));
        };
        let handshake = Handshake::decode(&first)?;
        let max_payload = handshake.max_payload.unwrap_or(MAX_PAYLOAD);
        let mut polling = Self {
            dial,
            sid: handshake.sid.clone(),
            max_payload: usize::try_from(max_payload).unwrap_or(usize::MAX),
            get,
            post: Lane::default(),
            arrived: packets,
            is_paused: false,
            cookies: HeaderMap::new(),
        };
        polling.keep_cookies(&answer.headers);
        Ok((polling, handshake))
    }

    /// Goes on with both requests: sends what is in `outbox`, asks for more once all that came was taken.
    pub fn drive(&mut self, cx: &mut Context<'_>, outbox: &mut VecDeque<Wire>) -> Result<(), ClientError> {
        loop {
            if !self.post.is_busy() && !self.is_paused && !outbox.is_empty() {
                let body = take_payload(outbox, self.max_payload);
                let request = request(&self.dial, Method::POST, Some(&self.sid), Some(body.into()))?;
                self.post.start(&self.dial.connector, request);
            }
            if !self.post.is_busy() {
                break;
            }
            let Poll::Ready(answer) = self.post.poll(cx) else { break };
            let answer = answer?;
            check_status(&answer, "to a POST of packets")?;
            self.keep_cookies(&answer.headers);
        }
        self.drive_get(cx)
    }

    fn drive_get(&mut self, cx: &mut Context<'_>) -> Result<(), ClientError> {
        while self.arrived.is_empty() {
            if !self.get.is_busy() {
                if self.is_paused {
                    break;
                }
                let request = request(&self.dial, Method::GET, Some(&self.sid), None)?;
                self.get.start(&self.dial.connector, request);
            }
            let Poll::Ready(answer) = self.get.poll(cx) else { break };
            let answer = answer?;
            self.arrived.extend(payload(&answer)?);
            self.keep_cookies(&answer.headers);
        }
        Ok(())
    }

    /// The next packet that has come.
    pub fn take(&mut self) -> Option<Wire> {
        let packet = self.arrived.pop_front();
        if self.arrived.is_empty() {
            self.arrived = VecDeque::new();
        }
        packet
    }

    /// Whether all that was sent has been taken by the server.
    pub fn has_sent(&self) -> bool {
        !self.post.is_busy()
    }

    /// Begins no new request: the session is about to go over to a websocket.
    pub fn pause(&mut self) {
        self.is_paused = true;
    }

    /// Whether nothing is under way any more.
    pub fn is_idle(&self) -> bool {
        !self.get.is_busy() && !self.post.is_busy()
    }

    /// The target and how to speak to it.
    pub fn dial(&self) -> &Dial {
        &self.dial
    }

    /// The cookies to send from now on.
    pub fn use_cookies(&mut self, cookies: &CookieJar) {
        if self.dial.options.cookies != *cookies {
            self.dial.options.cookies.clone_from(cookies);
        }
    }

    /// The cookies that were set since this was last asked.
    pub fn take_cookies(&mut self) -> HeaderMap {
        std::mem::take(&mut self.cookies)
    }

    fn keep_cookies(&mut self, headers: &Headers) {
        self.dial.options.cookies.keep(headers.texts(&SET_COOKIE));
        let set = headers.texts(&SET_COOKIE).filter_map(|cookie| cookie.parse().ok());
        set.for_each(|cookie| _ = self.cookies.append(SET_COOKIE, cookie));
    }
}

fn request(
    dial: &Dial,
    method: Method,
    sid: Option<&str>,
    body: Option<Bytes>,
) -> Result<Request<Bytes>, ClientError> {
    let path = dial.path("polling", sid);
    let mut headers = dial.headers()?;
    if body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
    let mut request = Request::new(body.unwrap_or_default());
    *request.uri_mut() = path.parse().map_err(|error| ClientError::Protocol(format!("{path}: {error}")))?;
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    Ok(request)
}

fn check_status(answer: &HttpResponse, what: &'static str) -> Result<(), ClientError> {
    match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(refusal(status, &answer.body, what)),
    }
}

fn payload(answer: &HttpResponse) -> Result<Vec<Wire>, ClientError> {
    check_status(answer, "to a poll")?;
    split_payload(&answer.body).map_err(ClientError::Protocol)
}

type Exchange = (Result<HttpResponse, ClientError>, Option<HttpConnection>);

/// One request at a time, on a connection that is kept in between.
#[derive(Debug, Default)]
struct Lane {
    connection: Option<HttpConnection>,
    exchange: Option<ReusableBoxFuture<'static, Exchange>>,
}

impl Lane {
    fn is_busy(&self) -> bool {
        self.exchange.is_some()
    }

    fn start(&mut self, connector: &Connector, request: Request<Bytes>) {
        let exchange = exchange(connector.clone(), self.connection.take(), request);
        self.exchange = Some(ReusableBoxFuture::new(exchange));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<HttpResponse, ClientError>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Pending };
        let Poll::Ready((answer, connection)) = exchange.poll(cx) else { return Poll::Pending };
        self.exchange = None;
        self.connection = connection;
        Poll::Ready(answer)
    }
}

/// Sends on the connection at hand. One that the server has closed while it was idle is replaced, as browsers do.
async fn exchange(
    connector: Connector,
    connection: Option<HttpConnection>,
    request: Request<Bytes>,
) -> Exchange {
    if let Some(mut connection) = connection
        && connection.is_open()
    {
        let answer = connection.send(request.clone()).await;
        if !answer.as_ref().is_err_and(is_stale) {
            return (answer, Some(connection));
        }
    }
    match HttpConnection::open(&connector).await {
        Ok(mut connection) => (connection.send(request).await, Some(connection)),
        Err(error) => (Err(error), None),
    }
}

fn is_stale(error: &ClientError) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    match error {
        ClientError::Closed(_) => true,
        ClientError::Io(io) => matches!(io.kind(), ConnectionReset | BrokenPipe),
        _ => false,
    }
}
