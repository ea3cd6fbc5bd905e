//! The server that closes the connection when it is least expected.

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{FaultServer, read_head};

/// Half of an answer to a websocket handshake.
const HALF_A_HANDSHAKE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso";

/// When the server closes each connection that it accepted.
#[derive(Clone, Copy, Debug)]
pub enum HangUp {
    /// Before anything is read.
    AtOnce,
    /// After that many bytes came in, none answered.
    AfterBytes(usize),
    /// In the middle of the answer to the request for a websocket.
    MidHandshake,
}

impl HangUp {
    /// Starts a server that hangs up so.
    pub fn start(self) -> FaultServer {
        FaultServer::start(move |connection, _, _| self.serve(connection))
    }

    async fn serve(self, mut connection: TcpStream) {
        match self {
            Self::AtOnce => {}
            Self::AfterBytes(count) => {
                let _ = connection.read_exact(&mut vec![0; count]).await;
            }
            Self::MidHandshake => {
                let mut connection = BufReader::new(connection);
                if read_head(&mut connection).await.is_some() {
                    let _ = connection.write_all(HALF_A_HANDSHAKE).await;
                }
            }
        }
    }
}
