//! One request on its way and its answer.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use hyper::{Method, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::response::{Framing, Head};
use super::{HttpResponse, MAX_BODY_BYTES, malformed, request};
use crate::clients::ClientError;

/// A head may not be larger; neither may a line between chunks.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Read at once, into room that is there for the moment only.
const READ_BYTES: usize = 16 << 10;
/// A request's body up to this size is sent together with its head.
const SMALL_BODY_BYTES: usize = 16 << 10;
/// The beginning of an answer that only tells of one to come.
const INTERIM: &[u8] = b"HTTP/1.1 1";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A stream, for as long as one exchange takes.
#[derive(Debug)]
pub struct Exchange<'c, S> {
    stream: &'c mut S,
    /// What has come and was not taken yet.
    read: BytesMut,
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// What it says.
    pub response: HttpResponse,
    /// Whether the next request can be sent behind it.
    pub keeps_alive: bool,
}

impl<'c, S: AsyncRead + AsyncWrite + Unpin> Exchange<'c, S> {
    /// An exchange that has not begun.
    pub fn on(stream: &'c mut S) -> Self {
        Self { stream, read: BytesMut::new() }
    }

    /// Sends `request` and reads the answer.
    pub async fn run(mut self, request: &Request<Bytes>) -> Result<Answer, ClientError> {
        let sent = self.write(request).await;
        let answer = self.answer(request.method()).await;
        let (answer, is_sent) = match (answer, sent) {
            // A server that refuses a body answers, and may close before it has read it.
            (Ok(answer), sent) => (answer, sent.unwrap_or(false)),
            (Err(_), Err(error)) => return Err(error.into()),
            (Err(error), Ok(_)) => return Err(error),
        };
        Ok(Answer { keeps_alive: answer.keeps_alive && is_sent && self.read.is_empty(), ..answer })
    }

    /// Whether all was sent before the server answered.
    async fn write(&mut self, request: &Request<Bytes>) -> io::Result<bool> {
        let mut head = request::head(request);
        let body = request.body();
        if body.len() <= SMALL_BODY_BYTES {
            head.extend_from_slice(body);
            return self.write_all(&head).await;
        }
        Ok(self.write_all(&head).await? && self.write_all(body).await?)
    }

    /// The same for some bytes.
    async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<bool> {
        std::future::poll_fn(|cx| {
            while !bytes.is_empty() {
                match Pin::new(&mut *self.stream).poll_write(cx, bytes)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(written) => bytes.advance(written),
                    Poll::Pending => {
                        let count = ready!(self.poll_fill(cx))?;
                        if count == 0 || !self.skip_interim() {
                            return Poll::Ready(Ok(false));
                        }
                    }
                }
            }
            Pin::new(&mut *self.stream).poll_flush(cx).map_ok(|()| true)
        })
        .await
    }

    /// Throws away what only tells of an answer; whether that is all that has come.
    fn skip_interim(&mut self) -> bool {
        while self.read.starts_with(INTERIM) {
            let Some(end) = self.read.windows(END_OF_HEAD.len()).position(|bytes| bytes == END_OF_HEAD)
            else {
                return true;
            };
            self.read.advance(end + END_OF_HEAD.len());
        }
        self.read.is_empty()
    }

    /// The answer, after those that only tell of it.
    async fn answer(&mut self, method: &Method) -> Result<Answer, ClientError> {
        let head = loop {
            let head = self.head().await?;
            if !head.is_interim()? {
                break head;
            }
        };
        let framing = head.framing(method)?;
        let body = match framing {
            Framing::Length(length) => self.exactly(length).await?,
            Framing::Chunked => self.chunks().await?,
            Framing::UntilClose => self.all().await?,
        };
        let keeps_alive = head.keeps_alive() && framing != Framing::UntilClose;
        let response = HttpResponse { status: head.status, headers: head.headers, body };
        Ok(Answer { response, keeps_alive })
    }

    async fn head(&mut self) -> Result<Head, ClientError> {
        loop {
            if let Some(head) = Head::take(&mut self.read)? {
                return Ok(head);
            }
            if self.read.len() > MAX_HEAD_BYTES {
                return Err(malformed("the head of the answer does not end"));
            }
            self.fill().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes, ClientError> {
        while self.read.len() < length {
            self.fill().await?;
        }
        Ok(self.read.split_to(length).freeze())
    }

    async fn chunks(&mut self) -> Result<Bytes, ClientError> {
        let mut body = BytesMut::new();
        loop {
            let (line, length) = self.chunk_line().await?;
            self.read.advance(line);
            if length == 0 {
                break;
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > MAX_BODY_BYTES - body.len() {
                return Err(ClientError::TooLarge { limit_bytes: MAX_BODY_BYTES });
            }
            let chunk = self.exactly(length).await?;
            body.extend_from_slice(&chunk);
            if self.exactly(2).await? != b"\r\n"[..] {
                return Err(malformed("a chunk does not end where it should"));
            }
        }
        self.skip_trailers().await?;
        Ok(body.freeze())
    }

    /// The bytes of the line before a chunk, and those of the chunk.
    async fn chunk_line(&mut self) -> Result<(usize, u64), ClientError> {
        loop {
            match httparse::parse_chunk_size(&self.read) {
                Ok(httparse::Status::Complete(line)) => return Ok(line),
                Ok(httparse::Status::Partial) if self.read.len() <= MAX_HEAD_BYTES => self.fill().await?,
                _ => return Err(malformed("a chunk has no valid length")),
            }
        }
    }

    async fn skip_trailers(&mut self) -> Result<(), ClientError> {
        let mut left = MAX_HEAD_BYTES;
        loop {
            match self.read.iter().position(|byte| *byte == b'\n') {
                Some(end) if end < left => {
                    let line = self.read.split_to(end + 1);
                    if matches!(&line[..], b"\r\n" | b"\n") {
                        return Ok(());
                    }
                    left -= line.len();
                }
                None if self.read.len() < left => self.fill().await?,
                _ => return Err(malformed("what follows the last chunk does not end")),
            }
        }
    }

    async fn all(&mut self) -> Result<Bytes, ClientError> {
        loop {
            if self.read.len() > MAX_BODY_BYTES {
                return Err(ClientError::TooLarge { limit_bytes: MAX_BODY_BYTES });
            }
            match self.fill().await {
                Err(ClientError::Closed(_)) => return Ok(self.read.split().freeze()),
                outcome => outcome?,
            }
        }
    }

    /// Waits for more.
    async fn fill(&mut self) -> Result<(), ClientError> {
        match std::future::poll_fn(|cx| self.poll_fill(cx)).await? {
            0 => Err(ClientError::Closed("before the answer was complete")),
            _ => Ok(()),
        }
    }

    /// Takes what is there; nothing at the end. No room is held while there is nothing.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut room = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut room))?;
        self.read.extend_from_slice(room.filled());
        Poll::Ready(Ok(room.filled().len()))
    }
}
