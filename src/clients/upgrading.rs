//! A stream while it becomes a websocket.
//!
//! tungstenite reads the answer to its opening into 4 KiB and keeps them as the websocket's read buffer for good, for
//! the sake of the bytes that may have come behind the answer. Here these bytes are held back, so that the buffer can be
//! thrown away.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::net::Stream;

/// The start of the only answer behind which a websocket's own bytes stand.
const SWITCHING: &[u8] = b"HTTP/1.1 101";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const READ_BYTES: usize = 1 << 10;

/// A stream that ends its reader's view at the end of the answer's head.
#[derive(Debug)]
pub struct Upgrading {
    stream: Stream,
    /// All that was read.
    read: Vec<u8>,
    /// How much of it was handed out.
    given: usize,
}

impl Upgrading {
    /// A stream on which nothing was read yet.
    pub fn new(stream: Stream) -> Self {
        Self { stream, read: Vec::new(), given: 0 }
    }

    /// The stream, and what came behind the head.
    pub fn into_parts(self) -> (Stream, Vec<u8>) {
        (self.stream, self.read[self.given..].to_vec())
    }

    /// How much of what was read may be handed out.
    fn visible(&self) -> usize {
        let is_switching = self.read.starts_with(&SWITCHING[..SWITCHING.len().min(self.read.len())]);
        let end = self.read.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
        match end {
            Some(end) if is_switching => end + END_OF_HEAD.len(),
            _ => self.read.len(),
        }
    }
}

impl AsyncRead for Upgrading {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.visible() {
            let mut bytes = [0; READ_BYTES];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            self.read.extend_from_slice(buffer.filled());
        }
        let end = self.visible().min(self.given + out.remaining());
        out.put_slice(&self.read[self.given..end]);
        self.given = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgrading {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
