//! One HTTP/1.1 connection and its exchanges. Whoever opens it owns it: no pool, no task, no redirects.
//!
//! A virtual user's exchange is the hot path of a load test, and there are as many idle connections as users. A general
//! client brings a dispatcher with channels to it, which took a third of an exchange and 10 KiB of each connection. Here the
//! user's own task writes the request and reads the answer, and nothing is kept in between. httparse reads heads.

mod exchange;
mod headers;
mod request;
mod response;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::net::Stream;
use super::{ClientError, Connector};
use exchange::Exchange;
pub use headers::Headers;

/// An answer's body may not be larger; load tests and probes have no use for more.
const MAX_BODY_BYTES: usize = 16 << 20;

/// A keep-alive connection. Dropping it closes it.
#[derive(Debug)]
pub struct HttpConnection<S = Stream> {
    stream: S,
    is_spent: bool,
}

/// A complete answer.
#[derive(Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: Headers,
    /// The whole body.
    pub body: Bytes,
}

impl HttpConnection {
    /// Connects.
    pub async fn open(connector: &Connector) -> Result<Self, ClientError> {
        Ok(Self::over(connector.connect().await?))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> HttpConnection<S> {
    /// The same over a stream that is there already.
    pub fn over(stream: S) -> Self {
        Self { stream, is_spent: false }
    }

    /// Whether no other request can be sent on it: the last exchange was given up, or one of both sides ended it.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// The same, and what the server has done since is looked at: where it has closed, there is nothing to send on.
    pub fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut room = ReadBuf::new(&mut byte);
        // Nobody waits here: whoever sends next is woken. What comes unasked is no answer to what is asked next.
        let mut context = Context::from_waker(Waker::noop());
        !self.is_spent && Pin::new(&mut self.stream).poll_read(&mut context, &mut room).is_pending()
    }

    /// Sends one request and reads the whole answer. The URI must be in origin form with a `Host` header; the length
    /// of the body is told by this function.
    pub async fn send(&mut self, request: Request<Bytes>) -> Result<HttpResponse, ClientError> {
        // What is left of an exchange that is given up would be taken for the answer to the next one.
        self.is_spent = true;
        let answer = Exchange::on(&mut self.stream).run(&request).await?;
        let asked = request.headers().get_all(CONNECTION).into_iter().map(HeaderValue::as_bytes);
        self.is_spent = !answer.keeps_alive || has_token(asked, "close");
        Ok(answer.response)
    }
}

fn malformed(what: impl Into<String>) -> ClientError {
    ClientError::Protocol(what.into())
}

/// Whether one of the words in these values is `token`.
fn has_token<'v>(values: impl Iterator<Item = &'v [u8]>, token: &str) -> bool {
    tokens(values).any(|word| word.eq_ignore_ascii_case(token))
}

/// The words in the values of a header that is a list. One that is no text is a word that means nothing.
fn tokens<'v>(values: impl Iterator<Item = &'v [u8]>) -> impl Iterator<Item = &'v str> {
    values.flat_map(|value| headers::text(value).unwrap_or("?").split(',')).map(str::trim)
}
