//! The server that says exactly what a test wants said: malformed answers, malformed Socket.IO frames.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{FaultServer, Seen, read_head};

/// What the server does next on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Waits for the head of an HTTP request.
    Head,
    /// Waits for the head of a websocket request and answers 101, as it should be.
    Upgrade,
    /// Waits for one websocket message.
    Receive,
    /// Sends these bytes as they are.
    Bytes(Vec<u8>),
    /// Sends a websocket text frame.
    Text(String),
    /// Sends a websocket binary frame.
    Binary(Vec<u8>),
    /// Keeps the connection open until the client closes it. After the last step it is closed otherwise.
    Hold,
}

/// The steps of one connection.
pub type Script = Vec<Step>;

/// Plays one script per connection.
#[derive(Clone, Copy, Debug)]
pub struct Scripted;

impl Scripted {
    /// The n-th connection gets the n-th script; further ones get the last.
    pub fn start(scripts: Vec<Script>) -> FaultServer {
        assert!(!scripts.is_empty(), "a script at least");
        FaultServer::start(move |connection, number, seen| {
            let script = scripts[number.min(scripts.len() - 1)].clone();
            play(connection, script, seen)
        })
    }

    /// A script that opens a Socket.IO session on a websocket as a sound server does: handshake, Engine.IO open
    /// packet, the client's CONNECT, its answer. What follows is up to `then`.
    pub fn socketio(then: Script) -> Script {
        let open =
            r#"0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100000}"#;
        let connected = r#"40{"sid":"s1"}"#;
        let opening =
            vec![Step::Upgrade, Step::Text(open.to_owned()), Step::Receive, Step::Text(connected.to_owned())];
        [opening, then].concat()
    }
}

/// Plays to the end, or until the client closes or breaks the connection.
async fn play(connection: TcpStream, script: Script, seen: Arc<Seen>) {
    let mut connection = BufReader::new(connection);
    for step in script {
        if take(step, &mut connection, &seen).await.is_err() {
            return;
        }
    }
}

async fn take(step: Step, connection: &mut BufReader<TcpStream>, seen: &Seen) -> io::Result<()> {
    match step {
        Step::Head => receive_head(connection, seen).await.map(drop),
        Step::Upgrade => {
            let head = receive_head(connection, seen).await?;
            connection.write_all(accept_upgrade(&head).as_bytes()).await
        }
        Step::Receive => {
            let message = read_message(connection).await?;
            seen.record(&message);
            Ok(())
        }
        Step::Bytes(bytes) => connection.write_all(&bytes).await,
        Step::Text(text) => connection.write_all(&frame(0x1, text.as_bytes())).await,
        Step::Binary(bytes) => connection.write_all(&frame(0x2, &bytes)).await,
        Step::Hold => tokio::io::copy(connection, &mut tokio::io::sink()).await.map(drop),
    }
}

async fn receive_head(connection: &mut BufReader<TcpStream>, seen: &Seen) -> io::Result<String> {
    let head = read_head(connection).await.ok_or(io::ErrorKind::UnexpectedEof)?;
    seen.record(head.as_bytes());
    Ok(head)
}

fn accept_upgrade(head: &str) -> String {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let key = headers.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).map(|(_, key)| key);
    let accept = derive_accept_key(key.map(str::trim).collect::<String>().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// A final, unmasked frame as RFC 6455, section 5.2, lays it out.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=65_535 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// Reads one frame of a client, which is masked, and returns what it holds.
async fn read_message(connection: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let _opcode = connection.read_u8().await?;
    let length = match connection.read_u8().await? & 0x7f {
        126 => u64::from(connection.read_u16().await?),
        127 => connection.read_u64().await?,
        length => u64::from(length),
    };
    let mut mask = [0; 4];
    connection.read_exact(&mut mask).await?;
    let mut payload = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    connection.read_exact(&mut payload).await?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Ok(payload)
}
