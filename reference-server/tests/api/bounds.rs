//! What the server does at its limits.

use std::time::Duration;

use reference_server::{Config, StartError, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Server, Socket};

#[tokio::test]
async fn more_connections_than_descriptors_are_refused_at_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config { max_connections: usize::MAX / 2, ..Config::default() };
    let refused = serve(listener, config, async {}).await;
    assert!(matches!(refused, Err(StartError::DescriptorLimit { .. })), "{refused:?}");
}

/// All but operators are told to come back, at once and not in the backlog. A WebSocket holds its place.
#[tokio::test]
async fn at_the_bound_requests_are_refused_and_operators_are_not() {
    let server = Server::start_with(|config| config.max_connections = 2).await;
    let client = server.guest("Ada").await;
    let socket = Socket::connect(server.address, &client.token).await.unwrap();
    let held = hold_a_place(&server).await;
    let refused = client.get("/api/feed").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "over_capacity"));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.headers["connection"], "close");
    client.get("/health").await.expect(200);
    client.get("/ready").await.expect(200);
    let metrics = client.get("/metrics").await.text;
    assert!(metrics.contains("connections_open 2"), "{metrics}");
    assert!(metrics.contains("socketio_connected 1"), "{metrics}");
    socket.leave().await;
    drop(held);
    while client.get("/api/feed").await.status != 200 {}
}

/// An idle connection with a place: tries until those who have just left have given theirs back.
async fn hold_a_place(server: &Server) -> TcpStream {
    loop {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /api/feed HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        let count = stream.read(&mut answer).await.unwrap();
        if answer[..count].starts_with(b"HTTP/1.1 401 ") {
            return stream;
        }
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server = Server::start_with(|config| config.http.head_timeout = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nx-slow:").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the server kept waiting");
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_the_request() {
    let server = Server::start_with(|config| config.http.request_timeout = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/auth/guest HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let count = stream.read(&mut answer).await.unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer[..count]));
}

#[tokio::test]
async fn a_socket_may_not_be_in_rooms_without_end() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let mut socket = Socket::connect(server.address, &guest.token).await.unwrap();
    for n in 0..64 {
        socket.done("room:join", json!({ "room": n.to_string() })).await;
    }
    assert_eq!(socket.refused("room:join", json!({ "room": "one more" })).await, "too_many_rooms");
}
