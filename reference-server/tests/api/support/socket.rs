use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(10);

/// A Socket.IO client on a bare WebSocket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    asked: u64,
    events: VecDeque<(String, Value)>,
}

/// What a Socket.IO packet says.
enum Packet {
    Connected,
    Refused(Value),
    Ack(u64, Value),
    Event(String, Value),
    Closed,
}

impl Socket {
    /// Connects, or gives the server's refusal.
    pub async fn connect(address: SocketAddr, token: &str) -> Result<Self, Value> {
        Self::connect_with(address, json!({ "token": token }), &[]).await
    }

    /// The same with an `auth` and request headers of one's own.
    pub async fn connect_with(
        address: SocketAddr,
        auth: Value,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Value> {
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, _) = client_async(request, stream).await.unwrap();
        let mut socket = Self { stream, asked: 0, events: VecDeque::new() };
        socket.write(format!("40{auth}")).await;
        match socket.packet().await {
            Packet::Connected => Ok(socket),
            Packet::Refused(refusal) => Err(refusal),
            _ => panic!("neither connected nor refused"),
        }
    }

    /// Emits without asking for an acknowledgement.
    pub async fn emit(&mut self, event: &str, payload: Value) {
        self.write(format!("42{}", json!([event, payload]))).await;
    }

    /// Emits and waits for the acknowledgement.
    pub async fn ask(&mut self, event: &str, payload: Value) -> Value {
        self.asked += 1;
        let asked = self.asked;
        self.write(format!("42{asked}{}", json!([event, payload]))).await;
        loop {
            match self.packet().await {
                Packet::Ack(id, answer) if id == asked => return answer,
                Packet::Event(name, data) => self.events.push_back((name, data)),
                _ => panic!("no acknowledgement of {event}"),
            }
        }
    }

    /// Like `ask`, for an event that must be accepted.
    pub async fn done(&mut self, event: &str, payload: Value) -> Value {
        let answer = self.ask(event, payload).await;
        assert_eq!(answer["ok"], true, "{event}: {answer}");
        answer
    }

    /// Like `ask`, for an event that must be refused: gives the code.
    pub async fn refused(&mut self, event: &str, payload: Value) -> String {
        let answer = self.ask(event, payload).await;
        assert_eq!(answer["ok"], false, "{event}: {answer}");
        answer["error"]["code"].as_str().unwrap().to_owned()
    }

    /// The next event of which this holds; others before it are dropped.
    pub async fn event_that(&mut self, mut holds: impl FnMut(&str, &Value) -> bool) -> Value {
        while let Some((name, data)) = self.events.pop_front() {
            if holds(&name, &data) {
                return data;
            }
        }
        loop {
            match self.packet().await {
                Packet::Event(name, data) if holds(&name, &data) => return data,
                Packet::Closed => panic!("closed before the event"),
                _ => {}
            }
        }
    }

    /// The next event of this name; others before it are dropped.
    pub async fn event(&mut self, wanted: &str) -> Value {
        self.event_that(|name, _| name == wanted).await
    }

    /// Waits for the server to close.
    pub async fn closed(&mut self) {
        while !matches!(self.packet().await, Packet::Closed) {}
    }

    pub async fn leave(mut self) {
        let _ = self.stream.close(None).await;
    }

    pub async fn write(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    async fn packet(&mut self) -> Packet {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("the server answers");
            let Some(Ok(Message::Text(text))) = message else { return Packet::Closed };
            match text.as_str() {
                "2" => self.write("3".into()).await,
                "1" | "41" => return Packet::Closed,
                open if open.starts_with('0') => {}
                packet => return parse(packet),
            }
        }
    }
}

fn parse(packet: &str) -> Packet {
    let (kind, rest) = packet.split_at(2);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (id, data) = rest.split_at(digits);
    let mut data: Value = serde_json::from_str(data).unwrap_or_default();
    match kind {
        "40" => Packet::Connected,
        "44" => Packet::Refused(data),
        "43" => Packet::Ack(id.parse().unwrap(), data[0].take()),
        "42" => Packet::Event(data[0].as_str().unwrap().to_owned(), data[1].take()),
        _ => Packet::Closed,
    }
}
