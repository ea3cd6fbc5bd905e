//! The server that shows whether a client has timeouts.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use super::{FaultServer, Seen};

/// Accepts connections, reads all that comes, and never answers.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Silent {
    /// Starts it.
    pub fn start() -> FaultServer {
        FaultServer::start(|connection, _, seen| swallow(connection, seen))
    }
}

async fn swallow(connection: TcpStream, seen: Arc<Seen>) {
    let mut connection = BufReader::new(connection);
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = connection.read(&mut bytes).await {
        seen.record(&bytes[..count]);
    }
}
