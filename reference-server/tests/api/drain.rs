//! The end of a server.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Server, Socket};

const BODY: &str = r#"{"name":"Ada"}"#;

/// A request whose handler waits for its body: the server has said so with `100 Continue`.
async fn request_under_way(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/auth/guest HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_is_answered_and_idle_connections_are_closed() {
    let server = Server::start().await;
    let mut under_way = request_under_way(&server).await;
    let address = server.address;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let draining = server.shut_down();
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0, "an idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    under_way.write_all(BODY.as_bytes()).await.unwrap();
    let mut text = String::new();
    under_way.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 201 Created"), "{text}");
    let (served, _) = draining.ended().await;
    assert_eq!((served.connections_drained, served.connections_cut), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_told_and_closed() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(Socket::connect(server.address, &guest.token).await.unwrap());
    }
    let draining = server.shut_down();
    for socket in &mut sockets {
        socket.event("server:draining").await;
        socket.closed().await;
    }
    drop(sockets);
    let (served, _) = draining.ended().await;
    assert_eq!(served.connections_cut, 0);
    assert!(served.connections_drained >= 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_finish_is_cut_at_the_deadline() {
    let server = Server::start_with(|config| config.drain_deadline = Duration::from_millis(200)).await;
    let mut under_way = request_under_way(&server).await;
    let (served, _) = server.shut_down().ended().await;
    assert_eq!(served.connections_cut, 1);
    let mut text = String::new();
    let _ = under_way.read_to_string(&mut text).await;
    assert_eq!(text, "", "cut, not answered");
}
