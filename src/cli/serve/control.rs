//! What the supervisor and an instance tell each other: one JSON document a line, over the socket that is the
//! instance's stdout. Its stdin is the listener. When the socket closes, the other side is gone.

use reference_server::Instance;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// What an instance is to be. It goes over the socket because it carries secrets.
#[derive(Serialize, Deserialize)]
pub struct Assignment {
    /// Its place among the others.
    pub instance: Instance,
    /// Its settings, secrets included.
    pub plain: Value,
}

/// What an instance says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Report {
    /// It accepts connections.
    Ready,
    /// It cannot start, and would not the next time.
    Refused {
        /// Why.
        why: String,
    },
}

/// One end.
pub struct Control {
    from: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    to: OwnedWriteHalf,
}

impl Control {
    /// The end on this side of a connected socket.
    pub fn new(stream: UnixStream) -> Self {
        let (from, to) = stream.into_split();
        Self { from: BufReader::new(from).lines(), to }
    }

    /// Tells the other side. That it is gone is found out by reading.
    pub async fn tell(&mut self, message: &impl Serialize) {
        let mut line = serde_json::to_vec(message).unwrap_or_default();
        line.push(b'\n');
        self.to.write_all(&line).await.ok();
    }

    /// The next message; none when the other side is gone.
    pub async fn hear<T: for<'de> Deserialize<'de>>(&mut self) -> Option<T> {
        let line = self.from.next_line().await.ok().flatten()?;
        serde_json::from_str(&line).ok()
    }

    /// Waits until the other side is gone.
    pub async fn closed(&mut self) {
        while let Ok(Some(_)) = self.from.next_line().await {}
    }
}
