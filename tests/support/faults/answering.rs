//! The server that answers each request as the test says, and keeps what it was asked.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{FaultServer, Seen, read_head};

/// A request.
#[derive(Debug)]
pub struct Asked {
    /// `GET /path?query`.
    pub line: String,
    /// Its head, with small letters.
    pub head: String,
    /// Its body.
    pub body: String,
    /// The same where it is no text.
    pub bytes: Vec<u8>,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
    }
}

/// Status, further header lines, and body.
pub type Answer = (u16, String, String);

/// Answers on connections that are kept.
#[derive(Clone, Copy, Debug)]
pub struct Answering;

impl Answering {
    /// Answers as `answer` says; [`FaultServer::received`] has line and body of each request.
    pub fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> FaultServer {
        let answer = Arc::new(answer);
        FaultServer::start(move |connection, _, seen| {
            let answer = Arc::clone(&answer);
            async move { serve(connection, seen, &*answer).await.unwrap_or_default() }
        })
    }

    /// Answers everything with a JSON body.
    pub fn json(body: &str) -> FaultServer {
        let body = body.to_owned();
        Self::start(move |_| (200, "content-type: application/json\r\n".to_owned(), body.clone()))
    }
}

async fn serve<A: Fn(&Asked) -> Answer>(connection: TcpStream, seen: Arc<Seen>, answer: &A) -> Option<()> {
    let mut connection = BufReader::new(connection);
    loop {
        let head = read_head(&mut connection).await?;
        let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
        let mut asked = Asked { line, head: lower_names(&head), body: String::new(), bytes: Vec::new() };
        let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await.ok()?;
        asked.body = String::from_utf8_lossy(&body).into_owned();
        asked.bytes = body;
        seen.record(format!("{} {}", asked.line, asked.body).trim_end().as_bytes());
        let (status, headers, body) = answer(&asked);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        connection.write_all(answer.as_bytes()).await.ok()?;
    }
}

fn lower_names(head: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
        None => format!("{line}\n"),
    };
    head.lines().map(line).collect()
}
