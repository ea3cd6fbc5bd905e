//! A connection against a server in the same process that says what the test wants said.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use super::connection::{Event, SocketIo};
use super::{Backoff, Client, OpenOptions, Outgoing, Packet, Reconnection, client};
use crate::clients::{ClientError, Connector};

const LIMIT: Duration = Duration::from_secs(10);
const OPEN: &str = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

/// A server, and the way to it.
async fn server() -> (TcpListener, Connector) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, Connector::resolve(&Url::parse(&url).unwrap()).await.unwrap())
}

/// Accepts a websocket and opens an Engine.IO session on it.
async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    socket.send(Message::text(OPEN)).await.unwrap();
    socket
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().as_str().to_owned()
}

async fn packet(socket: &mut SocketIo) -> Result<Packet, ClientError> {
    match timeout(LIMIT, socket.next()).await.unwrap()? {
        Event::Packet(packet) => Ok(packet),
        other => panic!("{other:?}"),
    }
}

/// Opens a connection and joins `/`, while the server does what it is told.
async fn joined<S, F>(then: S) -> SocketIo
where
    S: FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let (listener, connector) = server().await;
    tokio::spawn(async move {
        let mut socket = accept(&listener).await;
        assert_eq!(text(&mut socket).await, "40");
        socket.send(Message::text(r#"40{"sid":"s"}"#)).await.unwrap();
        then(socket).await;
    });
    let (mut socket, _) = SocketIo::open(&connector, OpenOptions::default(), LIMIT).await.unwrap();
    socket.join("/", None, LIMIT).await.unwrap();
    socket
}

#[tokio::test]
async fn calls_given_up_at_any_moment_lose_nothing() {
    const COUNT: usize = 500;
    let mut socket = joined(|mut socket| async move {
        for number in 0..COUNT {
            socket
                .send(Message::text(format!(r#"451-["n",{{"_placeholder":true,"num":0}},{number}]"#)))
                .await
                .unwrap();
            socket.send(Message::binary(vec![number as u8])).await.unwrap();
            if number % 50 == 0 {
                socket.send(Message::text("2")).await.unwrap();
            }
        }
        let mut answers = 0;
        while answers < COUNT / 50 {
            answers += usize::from(text(&mut socket).await == "3");
        }
        socket.send(Message::text(r#"42["done"]"#)).await.unwrap();
    })
    .await;
    let mut numbers = Vec::new();
    let mut chance = rand::rng();
    loop {
        let patience = Duration::from_micros(chance.random_range(0..300));
        let Ok(event) = timeout(patience, socket.next()).await else { continue };
        let Event::Packet(packet) = event.unwrap() else { panic!("only packets come") };
        if packet.event_name().as_deref() == Some("done") {
            break;
        }
        assert_eq!(packet.binary.len(), 1);
        numbers.push(packet.arguments().unwrap()[1].as_u64().unwrap() as usize);
    }
    assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
}

#[tokio::test]
async fn attachments_out_of_place_are_protocol_errors() {
    for (frames, words) in [
        (vec![Message::binary(vec![1, 2])], "2 bytes that no packet has announced"),
        (
            vec![Message::text(r#"452-["a"]"#), Message::binary(vec![1]), Message::text(r#"42["b"]"#)],
            "expected an attachment",
        ),
    ] {
        let mut socket = joined(|mut socket| async move {
            for frame in frames {
                socket.send(frame).await.unwrap();
            }
            while let Some(Ok(_)) = socket.next().await {}
        })
        .await;
        let error = packet(&mut socket).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let mut socket = joined(|mut socket| async move {
        socket.send(Message::text(r#"461-7[{"_placeholder":true,"num":5}]"#)).await.unwrap();
        socket.send(Message::binary(vec![1])).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let error = packet(&mut socket).await.unwrap().arguments().unwrap_err();
    assert!(error.starts_with("a placeholder without an attachment"), "{error}");
}

#[tokio::test]
async fn bytes_are_sent_as_attachments_and_acknowledgements_are_numbered() {
    let (done, seen) = tokio::sync::oneshot::channel();
    let mut socket = joined(|mut socket| async move {
        let mut frames = Vec::new();
        while frames.len() < 4 {
            frames.push(socket.next().await.unwrap().unwrap());
        }
        done.send(frames).unwrap();
    })
    .await;
    let event = Outgoing::new(json!(["up", {"$binary": "AQID"}])).unwrap();
    assert_eq!(socket.emit("/", event, true).await.unwrap(), Some(1));
    let event = Outgoing::new(json!(["plain"])).unwrap();
    assert_eq!(socket.emit("/chat", event, false).await.unwrap(), None);
    socket.acknowledge("/", 7, Outgoing::nothing()).await.unwrap();
    let expected = [
        Message::text(r#"451-1["up",{"_placeholder":true,"num":0}]"#),
        Message::binary(vec![1, 2, 3]),
        Message::text(r#"42/chat,["plain"]"#),
        Message::text("437[]"),
    ];
    assert_eq!(seen.await.unwrap(), expected);
}

#[tokio::test]
async fn the_way_back_asks_for_the_session_that_was_lost() {
    let (listener, connector) = server().await;
    let serving = tokio::spawn(async move {
        let mut first = accept(&listener).await;
        assert_eq!(text(&mut first).await, r#"40/chat,{"token":"t"}"#);
        first.send(Message::text(r#"40/chat,{"sid":"s","pid":"p1"}"#)).await.unwrap();
        first.send(Message::text(r#"42/chat,["news",1,"offset-9"]"#)).await.unwrap();
        drop(first);
        let mut second = accept(&listener).await;
        let join = text(&mut second).await;
        second.send(Message::text(r#"40/chat,{"sid":"s","pid":"p1"}"#)).await.unwrap();
        (join, second)
    });
    let backoff = Backoff { delay: Duration::from_millis(5), ..Backoff::default() };
    let reconnection = Some(Reconnection { backoff, limit: LIMIT });
    let mut client = Client::open(&connector, OpenOptions::default(), LIMIT, reconnection).await.unwrap();
    client.socket().unwrap().join("/chat", Some(&json!({"token": "t"})), LIMIT).await.unwrap();
    assert!(matches!(client.next().await.unwrap(), client::Event::Packet(_)));
    assert!(matches!(client.next().await.unwrap(), client::Event::Lost(_)));
    assert!(client.is_coming_back() && client.has_joined("/chat") && client.socket().is_none());
    let back = timeout(LIMIT, client.next()).await.unwrap().unwrap();
    assert!(matches!(back, client::Event::Back { is_recovered: true, .. }), "{back:?}");
    let (join, _second) = serving.await.unwrap();
    assert_eq!(join, r#"40/chat,{"pid":"p1","offset":"offset-9","token":"t"}"#);
}

/// A client in `/` and `/chat`, whose server then does what it is told.
async fn in_two_namespaces<S, F>(then: S) -> Client
where
    S: FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let (listener, connector) = server().await;
    tokio::spawn(async move {
        let mut socket = accept(&listener).await;
        for answer in [r#"40{"sid":"s"}"#, r#"40/chat,{"sid":"t"}"#] {
            text(&mut socket).await;
            socket.send(Message::text(answer)).await.unwrap();
        }
        then(socket).await;
    });
    let mut client = Client::open(&connector, OpenOptions::default(), LIMIT, None).await.unwrap();
    for namespace in ["/", "/chat"] {
        client.join(namespace, None, LIMIT).await.unwrap();
    }
    client
}

#[tokio::test]
async fn a_namespace_that_the_server_ends_leaves_the_others() {
    let mut client = in_two_namespaces(|mut socket| async move {
        for packet in ["41/chat,", r#"42["news"]"#, "41"] {
            socket.send(Message::text(packet)).await.unwrap();
        }
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let left = client.next().await.unwrap();
    assert!(matches!(&left, client::Event::Left(namespace) if namespace == "/chat"), "{left:?}");
    assert!(client.has_joined("/") && !client.has_joined("/chat"));
    assert!(matches!(client.next().await.unwrap(), client::Event::Packet(_)));
    let last = client.next().await.unwrap_err();
    assert!(matches!(&last, ClientError::Disconnected(namespace) if namespace == "/"), "{last:?}");
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_told_goodbye() {
    let (done, seen) = tokio::sync::oneshot::channel();
    let mut client = in_two_namespaces(|mut socket| async move {
        socket.send(Message::text("42{}")).await.unwrap();
        let mut frames = Vec::new();
        while let Some(Ok(frame)) = socket.next().await {
            frames.push(frame);
        }
        done.send(frames).unwrap();
    })
    .await;
    assert!(matches!(client.next().await.unwrap_err(), ClientError::Protocol(_)));
    assert!(client.owes_goodbye() && client.socket().is_none());
    client.close(LIMIT).await;
    assert_eq!(seen.await.unwrap(), [Message::text("41"), Message::text("41/chat,"), Message::Close(None)]);
}

#[tokio::test]
async fn a_held_connection_is_small() {
    let socket = joined(|socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    // Beside it stand a read buffer of 1 KiB and the runtime's own record of the socket.
    let size = size_of_val(&socket);
    assert!(size <= 768, "{size} bytes");
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let status = procfs::process::Process::myself().unwrap().status().unwrap();
    status.vmrss.unwrap() * 1024
}

/// `SCALECTL_SOCKETS_URL=http://127.0.0.1:PORT cargo test … -- --ignored held_connections`, against a server in another
/// process: both ends in one would be measured together.
#[tokio::test]
#[ignore = "measures this machine; needs a server in SCALECTL_SOCKETS_URL"]
async fn held_connections_take_three_kilobytes_each() {
    const COUNT: u64 = 4_000;
    let url = std::env::var("SCALECTL_SOCKETS_URL").unwrap();
    let connector = Connector::resolve(&Url::parse(&url).unwrap()).await.unwrap();
    let hold = async |connector: &Connector| {
        let mut client = Client::open(connector, OpenOptions::default(), LIMIT, None).await.unwrap();
        client.socket().unwrap().join("/", None, LIMIT).await.unwrap();
        tokio::spawn(async move { while client.next().await.is_ok() {} });
    };
    // The first ones pay for what all share.
    for _ in 0..200 {
        hold(&connector).await;
    }
    let before = resident_bytes();
    for _ in 0..COUNT {
        hold(&connector).await;
    }
    let each = (resident_bytes() - before) / COUNT;
    assert!(each <= 3 << 10, "{each} bytes for each held connection, its task included");
}
