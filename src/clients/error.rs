//! Why a connection or an exchange failed, in words for people and in one word for counters.

use std::io;
use std::time::Duration;

use crate::config::duration::humanize;

/// A failed connection or exchange.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name has no address.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The host name as given.
        host: String,
        /// The resolver's word.
        source: io::Error,
    },
    /// TCP failed: refused, reset, out of descriptors or ports.
    #[error("{}", io_words(.0))]
    Io(#[from] io::Error),
    /// TLS failed: certificate, protocol.
    #[error("TLS: {0}")]
    Tls(String),
    /// The time limit passed.
    #[error("no answer within {}", humanize(*.0))]
    Timeout(Duration),
    /// The peer closed before its answer was complete.
    #[error("the server closed the connection {0}")]
    Closed(&'static str),
    /// The peer answered, but not in the protocol.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// The peer answered with a status that refuses the exchange.
    #[error("the server answered HTTP {status} {what}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What it refused.
        what: &'static str,
    },
    /// An Engine.IO server refused by a code of its protocol.
    #[error("the Engine.IO server answered HTTP {status}, code {code}: {message}")]
    EngineIo {
        /// The HTTP status.
        status: u16,
        /// The protocol's code.
        code: u8,
        /// Its words.
        message: String,
    },
    /// The server's heartbeat is overdue: the connection is dead although nobody closed it.
    #[error("no heartbeat from the server within {}", humanize(*.0))]
    PingTimeout(Duration),
    /// The connection was cut by its own owner, who wants to see it come back.
    #[error("cut by the storm")]
    Cut,
    /// A lost connection did not come back.
    #[error("gave up after {0} attempts to come back")]
    GaveUp(u32),
    /// The server ended the session in a namespace.
    #[error("the server ended the session in {0}")]
    Disconnected(String),
    /// The peer understood and refused: wrong credentials, not allowed.
    #[error("refused: {0}")]
    Refused(String),
    /// The answer is larger than the limit.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
}

impl ClientError {
    /// A short, stable name of the cause.
    pub fn cause(&self) -> String {
        match self {
            Self::Resolve { .. } => "cannot resolve host".into(),
            Self::Io(error) => io_words(error),
            Self::Tls(_) => "TLS failure".into(),
            Self::Timeout(_) => "timeout".into(),
            Self::Closed(_) => "closed by server".into(),
            Self::Protocol(_) => "protocol error".into(),
            Self::Status { status, .. } => format!("HTTP {status}"),
            Self::EngineIo { code, .. } => engine_io_words(*code).into(),
            Self::PingTimeout(_) => "ping timeout".into(),
            Self::Cut => "cut by the storm".into(),
            Self::GaveUp(_) => "gave up reconnecting".into(),
            Self::Disconnected(_) => "disconnected by server".into(),
            Self::Refused(_) => "refused".into(),
            Self::TooLarge { .. } => "answer too large".into(),
        }
    }
}

/// The error codes of Engine.IO.
fn engine_io_words(code: u8) -> &'static str {
    match code {
        0 => "unknown transport",
        1 => "unknown sid",
        2 => "bad handshake method",
        3 => "bad request to Engine.IO",
        4 => "forbidden by Engine.IO",
        5 => "unsupported protocol version",
        _ => "refused by Engine.IO",
    }
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::BrokenPipe => "connection lost".into(),
        io::ErrorKind::AddrNotAvailable => "no free local port".into(),
        io::ErrorKind::TimedOut => "connection timed out".into(),
        io::ErrorKind::UnexpectedEof => "closed by server".into(),
        _ if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "no free file descriptor".into()
        }
        _ => error.to_string(),
    }
}
