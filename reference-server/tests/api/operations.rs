//! What operators see: alive, ready, measured.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Client, Server, Socket};

const HEALTH_JSON: &str = "application/health+json";

#[tokio::test]
async fn operators_are_answered_without_a_token() {
    let server = Server::start().await;
    let client = server.client();
    let health = client.get("/health").await.expect(200);
    assert_eq!(health["status"], "ok");
    let ready = client.get("/ready").await.expect(200);
    assert_eq!((&ready["status"], &ready["checks"]["store"]["status"]), (&json!("ready"), &json!("ok")));
    assert!(ready["checks"]["store"]["milliseconds"].as_f64().unwrap() < 2_000.0);
    assert_eq!(ready["checks"].as_object().unwrap().len(), 1, "nothing that is not used is checked");
    let metrics = client.get("/metrics").await.text;
    for name in [
        r#"http_requests_total{route="/health",status="2xx"} 1"#,
        "connections_open 1",
        "socketio_connected 0",
        r#"store_calls_total{operation="ping",outcome="ok"} 1"#,
        "process_open_fds",
        "process_resident_memory_bytes",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
}

fn is_health_json(answer: &Answer, status: &str) -> Value {
    assert_eq!(answer.headers["content-type"], HEALTH_JSON);
    let body = answer.json();
    assert_eq!((&body["status"], &body["version"]), (&json!(status), &json!("1")));
    assert!(body["releaseId"].is_string() && body["checks"].is_object(), "{body}");
    body
}

#[tokio::test]
async fn who_asks_for_health_json_gets_it() {
    let server = Server::start().await;
    let client = server.client().with("accept", "application/json;q=0.5, application/Health+JSON");
    let alive = is_health_json(&client.get("/health").await, "pass");
    assert_eq!(alive["checks"]["uptime"][0]["observedUnit"], "s");
    let ready = is_health_json(&client.get("/ready").await, "pass");
    let store = &ready["checks"]["store:responseTime"][0];
    assert_eq!((&store["componentType"], &store["status"]), (&json!("datastore"), &json!("pass")));
    assert!(store["observedValue"].is_f64() && store["time"].is_string(), "{store}");
    for accept in ["*/*", "application/json", "text/html"] {
        let answer = server.client().with("accept", accept).get("/ready").await;
        assert_eq!(answer.headers["content-type"], "application/json", "{accept}");
        assert_eq!(answer.headers["vary"], "accept");
    }
}

/// Another process that holds the store: pings wait for it, longer than is ready.
async fn hold_the_store(server: &Server) -> Connection {
    server.client().get("/ready").await.expect(200);
    let holder = Connection::open(server.dir.path().join("reference.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    holder
}

#[tokio::test]
async fn a_store_that_does_not_answer_makes_the_server_unavailable_and_leaves_it_alive() {
    let server = Server::start().await;
    let client = server.client();
    let holder = hold_the_store(&server).await;
    let health = client.with("accept", HEALTH_JSON);
    let (unavailable, failed) = tokio::join!(client.get("/ready"), health.get("/ready"));
    client.get("/health").await.expect(200);
    let body = unavailable.expect(503);
    assert_eq!(
        (&body["status"], &body["checks"]["store"]["status"]),
        (&json!("unavailable"), &json!("slow"))
    );
    assert_eq!(failed.status, 503);
    assert_eq!(is_health_json(&failed, "fail")["checks"]["store:responseTime"][0]["status"], "fail");
    holder.execute_batch("ROLLBACK").unwrap();
    let ready = async { while client.get("/ready").await.status != 200 {} };
    tokio::time::timeout(Duration::from_secs(20), ready).await.expect("the store is back");
}

/// The answer is under way when the shutdown begins: afterwards nobody is let in to ask.
#[tokio::test]
async fn a_server_on_its_way_out_says_so() {
    let server = Server::start().await;
    let holder = hold_the_store(&server).await;
    let client = server.client();
    let mut asking = TcpStream::connect(server.address).await.unwrap();
    asking.write_all(b"GET /ready HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    for _ in 0..3 {
        client.get("/health").await.expect(200);
    }
    let draining = server.shut_down();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains(r#""status":"draining""#), "{answer}");
    drop(holder);
    draining.ended().await;
}

/// The value of a series.
async fn series(client: &Client, name: &str) -> Option<f64> {
    let text = client.get("/metrics").await.text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(value.parse().unwrap())
}

async fn until(client: &Client, name: &str, expected: f64) {
    let reached = async { while series(client, name).await != Some(expected) {} };
    let in_time = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(in_time.is_ok(), "{name} is {:?}, not {expected}", series(client, name).await);
}

#[tokio::test]
async fn sockets_are_counted_as_they_come_and_go() {
    let server = Server::start_with(|config| config.socket.max_per_user = 1).await;
    let (guest, client) = (server.guest("Ada").await, server.client());
    let mut socket = Socket::connect(server.address, &guest.token).await.unwrap();
    assert!(Socket::connect(server.address, &guest.token).await.is_err());
    assert!(Socket::connect(server.address, "nonsense").await.is_err());
    for outcome in ["ok", "too_many_sockets", "bad_token"] {
        until(&client, &format!(r#"socketio_connections_total{{outcome="{outcome}"}}"#), 1.0).await;
    }
    until(&client, "socketio_rooms", 0.0).await;
    socket.done("room:join", json!({ "room": "lobby" })).await;
    until(&client, "socketio_rooms", 1.0).await;
    socket.leave().await;
    until(&client, r#"socketio_disconnections_total{reason="transport_close"}"#, 1.0).await;
    until(&client, "socketio_rooms", 0.0).await;
    let mut parting = Socket::connect(server.address, &guest.token).await.unwrap();
    parting.write("41".into()).await;
    until(&client, r#"socketio_disconnections_total{reason="client"}"#, 1.0).await;
}

#[tokio::test]
async fn requests_under_way_are_counted_until_they_end_however_they_end() {
    let server = Server::start().await;
    let client = server.client();
    until(&client, "http_requests_in_flight", 0.0).await;
    let mut under_way = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/auth/guest HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    under_way.write_all(head.as_bytes()).await.unwrap();
    until(&client, "http_requests_in_flight", 1.0).await;
    drop(under_way);
    until(&client, "http_requests_in_flight", 0.0).await;
}

#[tokio::test]
async fn the_process_and_its_runtime_are_measured() {
    let server = Server::start().await;
    let client = server.client();
    let before = series(&client, "http_response_bytes_total").await.unwrap();
    let sent = client.get("/nothing").await.text.len() as f64;
    let after = series(&client, "http_response_bytes_total").await.unwrap();
    assert!(after >= before + sent, "{before} + {sent} <= {after}");
    for (name, least) in [
        ("process_cpu_seconds_total", 0.0),
        ("runtime_workers", 1.0),
        ("runtime_tasks_alive", 1.0),
        ("runtime_global_queue_depth", 0.0),
    ] {
        let value = series(&client, name).await;
        assert!(value.is_some_and(|value| value >= least), "{name} is {value:?}");
    }
}

/// A client that makes paths up makes no series.
#[tokio::test]
async fn the_number_of_series_does_not_depend_on_what_clients_send() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let mut socket = Socket::connect(server.address, &guest.token).await.unwrap();
    let lines = async || server.client().get("/metrics").await.text.lines().count();
    let ask = async |socket: &mut Socket, n: usize| {
        guest.get(&format!("/made/up/{n}")).await;
        guest.get(&format!("/api/users/nobody-{n}")).await;
        socket.refused(&format!("made:up-{n}"), json!({})).await;
    };
    ask(&mut socket, 0).await;
    lines().await;
    let before = lines().await;
    for n in 1..20 {
        ask(&mut socket, n).await;
    }
    assert_eq!(lines().await, before);
}
