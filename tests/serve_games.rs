//! `scalectl serve --instances` with Redis: games outlive the process that served them.

use futures_util::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{RedisServer, STARTUP, Scalectl, post, served_at};

const GAMES: usize = 12;

/// A player on a bare WebSocket, who connects again when the connection is lost.
struct Player {
    authority: String,
    token: String,
    room: Value,
    stream: WebSocketStream<TcpStream>,
    asked: u64,
    reconnected: bool,
}

impl Player {
    async fn new(authority: &str) -> Self {
        let (status, session) = post(authority, "/api/auth/guest", r#"{"name":"Ada"}"#);
        assert_eq!(status, 201, "{session}");
        let session: Value = serde_json::from_str(&session).unwrap();
        let token = session["token"].as_str().unwrap().to_owned();
        let stream = connect(authority, &token).await;
        Self {
            authority: authority.to_owned(),
            token,
            room: Value::Null,
            stream,
            asked: 0,
            reconnected: false,
        }
    }

    /// The acknowledgement of an event; nothing when the connection is lost before.
    async fn try_ask(&mut self, event: &str, payload: &Value) -> Option<Value> {
        self.asked += 1;
        let (id, packet) = (self.asked, json!([event, payload]));
        self.stream.send(Message::text(format!("42{id}{packet}"))).await.ok()?;
        loop {
            let frame = timeout(STARTUP, self.stream.next()).await.expect("an answer or an end")?.ok()?;
            let text = frame.into_text().ok()?;
            if text.as_str() == "2" {
                self.stream.send(Message::text("3")).await.ok()?;
            }
            if let Some(ack) = text.strip_prefix(&format!("43{id}")) {
                return Some(serde_json::from_str::<Value>(ack).unwrap()[0].clone());
            }
        }
    }

    async fn ask(&mut self, event: &str, payload: Value) -> Value {
        let ack = self.try_ask(event, &payload).await.expect("the connection holds");
        assert_eq!(ack["ok"], true, "{event}: {ack}");
        ack
    }

    /// Plays a move, on another connection when this one is lost; then the room's log tells whether it was made.
    async fn play(&mut self, uci: &str) {
        let ask = json!({ "roomId": self.room, "move": uci });
        if let Some(ack) = self.try_ask("chess:move", &ask).await {
            return assert_eq!(ack["ok"], true, "{uci}: {ack}");
        }
        self.stream = connect(&self.authority, &self.token).await;
        self.reconnected = true;
        let state = self.ask("chess:resume", json!({ "roomId": self.room })).await;
        if !state["moves"].as_array().unwrap().contains(&json!(uci)) {
            self.ask("chess:move", ask).await;
        }
    }
}

async fn connect(authority: &str, token: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(authority).await.unwrap();
    let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
    let (mut stream, _) = client_async(url, stream).await.unwrap();
    stream.send(Message::text(format!("40{}", json!({ "token": token })))).await.unwrap();
    loop {
        let frame = timeout(STARTUP, stream.next()).await.expect("a handshake").unwrap().unwrap();
        let text = frame.into_text().unwrap();
        assert!(!text.starts_with("44"), "{text}");
        if text.starts_with("40") {
            return stream;
        }
    }
}

#[test]
fn running_games_go_on_when_one_of_four_instances_is_killed() {
    let redis = RedisServer::start();
    let command = Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--instances", "4", "--redis"]);
    let mut running = command.arg(redis.url()).spawn();
    let authority = served_at(&running);
    let instance = instance_of(running.process().pid());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut games = Vec::new();
        for _ in 0..GAMES {
            let (mut white, mut black) = (Player::new(&authority).await, Player::new(&authority).await);
            let made = white.ask("chess:create", json!({})).await;
            white.room = made["room"]["roomId"].clone();
            black.room = white.room.clone();
            black.ask("chess:join", json!({ "code": made["room"]["code"] })).await;
            white.play("e2e4").await;
            games.push((white, black));
        }
        kill_process(instance, Signal::KILL).unwrap();
        for (white, black) in &mut games {
            black.play("e7e5").await;
            white.play("g1f3").await;
            black.play("b8c6").await;
        }
        for (white, _) in &mut games {
            let state = white.ask("chess:resume", json!({ "roomId": white.room })).await;
            assert_eq!(state["moves"], json!(["e2e4", "e7e5", "g1f3", "b8c6"]));
        }
        let cut = games.iter().filter(|(white, black)| white.reconnected || black.reconnected).count();
        assert!((1..GAMES).contains(&cut), "some players were on the killed instance, not all: {cut}");
    });
}

/// One of the processes that this supervisor has started.
fn instance_of(supervisor: Pid) -> Pid {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", supervisor.as_raw_nonzero())).unwrap().flatten();
    let children: Vec<String> =
        tasks.flat_map(|task| std::fs::read_to_string(task.path().join("children"))).collect();
    let first = children.iter().flat_map(|list| list.split_whitespace()).next().expect("there are instances");
    Pid::from_raw(first.parse().unwrap()).unwrap()
}
