//! Delivers moments to a receiver, again and again within bounds, and counts what did not work.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep, timeout_at};

use super::figures::{Moment, Subject};
use super::{Place, Protocol, Shared, otlp, prometheus};
use crate::clients::http::HttpConnection;
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};
use crate::text::one_line;

/// How long one push may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Before a push is tried again; twice as long each time, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How long what still waits at the end of a run is tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds in one push.
const AT_ONCE: usize = 30;
/// Of a receiver's own words.
const SHOWN: usize = 160;
const USER: &str = concat!("scalectl/", env!("CARGO_PKG_VERSION"));

/// What came of it.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Requests that were sent, or tried.
    pub pushes: u64,
    /// Those that failed.
    pub failed: u64,
    /// Seconds that nobody took.
    pub lost: u64,
    /// Why the last one failed.
    pub reason: Option<String>,
}

/// Carries from the queue to the receiver.
pub struct Courier {
    place: Place,
    subject: Arc<Subject>,
    shared: Arc<Shared>,
    connection: Option<(HttpConnection, HeaderValue)>,
    delivery: Delivery,
    /// When a run that is over is not waited for any longer.
    deadline: Option<Instant>,
}

/// Why a push failed.
struct Failure {
    reason: String,
    /// Whether the same may work a moment later.
    is_passing: bool,
}

impl Courier {
    /// To this receiver.
    pub fn new(place: Place, subject: Arc<Subject>, shared: Arc<Shared>) -> Self {
        Self { place, subject, shared, connection: None, delivery: Delivery::default(), deadline: None }
    }

    /// Delivers until the run is over and all is delivered, or nobody takes it.
    pub async fn work(mut self) -> Delivery {
        while let Some(moments) = self.shared.take(AT_ONCE).await {
            self.deliver(&moments).await;
        }
        self.delivery
    }

    async fn deliver(&mut self, moments: &[Moment]) {
        let mut pause = FIRST_PAUSE;
        while !self.is_too_late() {
            self.delivery.pushes += 1;
            let Err(failure) = self.push(moments).await else { return };
            self.delivery.failed += 1;
            self.delivery.reason = Some(failure.reason);
            self.connection = None;
            if !failure.is_passing {
                break;
            }
            self.wait(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        self.delivery.lost += moments.len() as u64;
    }

    fn is_too_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Waits for another try; once the run is over, not beyond the deadline.
    async fn wait(&mut self, pause: Duration) {
        let deadline = match self.deadline {
            Some(deadline) => deadline,
            None => tokio::select! {
                () = sleep(pause) => return,
                () = self.shared.until_over() => Instant::now() + PATIENCE,
            },
        };
        self.deadline = Some(deadline);
        timeout_at(deadline, sleep(pause)).await.ok();
    }

    async fn push(&mut self, moments: &[Moment]) -> Result<(), Failure> {
        let body = self.body(moments).map_err(|reason| Failure { reason, is_passing: false })?;
        let passing = |error: ClientError| Failure { reason: error.to_string(), is_passing: true };
        let answer = within(LIMIT, self.exchange(body)).await.map_err(passing)?;
        match answer {
            (status, _) if status.is_success() => Ok(()),
            (status, words) => {
                let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                Err(Failure { reason: format!("HTTP {}{words}", status.as_u16()), is_passing })
            }
        }
    }

    fn body(&self, moments: &[Moment]) -> Result<Vec<u8>, String> {
        match self.place.protocol {
            Protocol::Prometheus => {
                prometheus::encode(&self.subject, moments).map_err(|error| error.to_string())
            }
            Protocol::Otlp => Ok(otlp::encode(&self.subject, moments)),
        }
    }

    /// One request and its answer: the status, and what else the receiver says.
    async fn exchange(&mut self, body: Vec<u8>) -> Result<(StatusCode, String), ClientError> {
        let url = &self.place.url;
        let kept = self.connection.take().and_then(|(mut kept, host)| kept.is_open().then_some((kept, host)));
        let (mut connection, host) = match kept {
            Some(kept) => kept,
            None => {
                let connector = Connector::resolve(url).await?;
                (HttpConnection::open(&connector).await?, connector.host_header().clone())
            }
        };
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut request = Request::post(path)
            .header(HOST, &host)
            .header(USER_AGENT, USER)
            .header(CONTENT_TYPE, "application/x-protobuf");
        if self.place.protocol == Protocol::Prometheus {
            request = request
                .header(CONTENT_ENCODING, "snappy")
                .header("x-prometheus-remote-write-version", "0.1.0");
        }
        if let Some(authorization) = &self.place.authorization {
            request = request.header(AUTHORIZATION, secret_header(authorization)?);
        }
        let request = request.body(Bytes::from(body));
        let request = request.map_err(|error| ClientError::Protocol(error.to_string()))?;
        let response = connection.send(request).await?;
        self.connection = Some((connection, host));
        Ok((response.status, words(&response.body)))
    }
}

fn secret_header(secret: &SecretString) -> Result<HeaderValue, ClientError> {
    let value = HeaderValue::from_str(secret.expose_secret());
    let mut value =
        value.map_err(|_| ClientError::Protocol("the credentials are no header value".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn words(body: &[u8]) -> String {
    let is_text = body.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
    let text = if is_text { one_line(&String::from_utf8_lossy(body)) } else { String::new() };
    match text.trim() {
        "" => String::new(),
        text => format!(" ({})", text.chars().take(SHOWN).collect::<String>()),
    }
}
