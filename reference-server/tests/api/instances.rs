//! Several instances that share a store and a Redis: standalone, behind Sentinel, and a Cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, Deployment, Kind, Mortal, Server, Socket};

/// Knights go out and come back, with a pawn's move in between so that no position comes a third time.
const MOVES: [&str; 24] = [
    "g1f3", "g8f6", "f3g1", "f6g8", "a2a3", "a7a6", "g1f3", "g8f6", "f3g1", "f6g8", "b2b3", "b7b6", "g1f3",
    "g8f6", "f3g1", "f6g8", "c2c3", "c7c6", "g1f3", "g8f6", "f3g1", "f6g8", "d2d3", "d7d6",
];

/// Time within which an instance serves again after a master was lost.
const TAKEOVER: Duration = Duration::from_secs(20);

/// Time that a move may take while a master is lost: a command's limit, a few times.
const MOST_HELD_UP: Duration = Duration::from_secs(5);

macro_rules! on_every_kind {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use super::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn standalone() {
                super::$test(Kind::Standalone).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sentinel() {
                super::$test(Kind::Sentinel).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                super::$test(Kind::Cluster).await;
            }
        }
    )+};
}

on_every_kind!(
    events_and_games_cross_instances,
    presence_crosses_instances,
    redis_may_go_and_come_back,
    a_killed_instances_games_go_on_elsewhere,
);

struct Two {
    redis: Deployment,
    one: Server,
    other: Server,
}

impl Two {
    async fn start(kind: Kind) -> Self {
        let redis = Deployment::start(kind);
        let data = tempfile::tempdir().unwrap();
        let one = Server::start_in(data, |config| {
            config.max_connections = 2_000;
            let mut settings = reference_server::RedisSettings::new(redis.url());
            settings.retry_interval = Duration::from_millis(100);
            config.redis = Some(settings);
        })
        .await;
        let other = Server::instance(one.dir.path(), &redis).await;
        for server in [&one, &other] {
            server.until_metric("redis_circuit_open 0").await;
            server.until_metric("redis_subscribed 1").await;
        }
        Self { redis, one, other }
    }

    /// A person at the first instance, and one at the other.
    async fn people(&self) -> (Client, Client) {
        (self.one.guest("Ada").await, self.one.guest("Bob").await)
    }
}

async fn at(server: &Server, person: &Client) -> Socket {
    Socket::connect(server.address, &person.token).await.unwrap()
}

fn mv(room: &Value, uci: &str) -> Value {
    json!({ "roomId": room, "move": uci })
}

/// A game between these two: the room.
async fn started(white: &mut Socket, black: &mut Socket) -> Value {
    let made = white.done("chess:create", json!({})).await;
    let joined = black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    assert_eq!(white.event("chess:start").await["color"], "white");
    assert_eq!(black.event("chess:start").await["color"], "black");
    joined["roomId"].clone()
}

/// Plays a move, again while the server asks for that: how long it took.
async fn insist(player: &mut Socket, room: &Value, uci: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let answer = player.ask("chess:move", mv(room, uci)).await;
        if answer["ok"] == true {
            return begun.elapsed();
        }
        assert_eq!(answer["error"]["code"], "unavailable", "{uci}: {answer}");
        assert!(begun.elapsed() < TAKEOVER, "{uci} was not taken in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a player has been told of as many moves.
async fn learns(player: &mut Socket, room: &Value, plies: usize) {
    let knows = |name: &str, data: &Value| match name {
        _ if data["roomId"] != *room => false,
        "chess:move" => data["ply"] == plies,
        "chess:sync" => data["moves"].as_array().is_some_and(|moves| moves.len() >= plies),
        _ => false,
    };
    player.event_that(knows).await;
}

async fn moves_of(player: &mut Socket, room: &Value) -> Value {
    player.done("chess:resume", json!({ "roomId": room })).await["moves"].clone()
}

async fn presence_crosses_instances(kind: Kind) {
    let two = Two::start(kind).await;
    let (ada, bob) = two.people().await;
    let mut watcher = at(&two.one, &ada).await;
    let watched = watcher.done("presence:watch", json!({ "users": [bob.id] })).await;
    assert_eq!(watched["online"], json!([]));
    let (tab, phone) = (at(&two.other, &bob).await, at(&two.one, &bob).await);
    let online = json!({ "user": bob.id, "online": true });
    assert_eq!(watcher.event("presence:changed").await, online);
    let again = watcher.done("presence:watch", json!({ "users": [bob.id, ada.id] })).await;
    assert_eq!(again["online"], json!([bob.id, ada.id]));
    phone.leave().await;
    assert_eq!(watcher.event("presence:changed").await, online, "the tab is still there");
    tab.leave().await;
    watcher.event_that(|name, data| name == "presence:changed" && data["online"] == false).await;
    let again = watcher.done("presence:watch", json!({ "users": [bob.id] })).await;
    assert_eq!(again["online"], json!([]));
}

async fn events_and_games_cross_instances(kind: Kind) {
    let two = Two::start(kind).await;
    let (ada, bob) = two.people().await;
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
    white.done("chat:send", json!({ "to": bob.id, "text": "from afar" })).await;
    assert_eq!(black.event("chat:message").await["text"], "from afar");
    for socket in [&mut white, &mut black] {
        socket.done("room:join", json!({ "room": "lobby" })).await;
    }
    black.done("room:send", json!({ "room": "lobby", "text": "hello" })).await;
    assert_eq!(white.event("room:message").await["fromName"], "Bob");

    let room = started(&mut white, &mut black).await;
    assert_eq!(black.refused("chess:move", mv(&room, "e7e5")).await, "not_your_turn");
    for (ply, uci) in ["f2f3", "e7e5", "g2g4", "d8h4"].into_iter().enumerate() {
        let (mover, watcher) = if ply % 2 == 0 { (&mut white, &mut black) } else { (&mut black, &mut white) };
        assert_eq!(mover.done("chess:move", mv(&room, uci)).await["ply"], ply + 1);
        assert_eq!(watcher.event("chess:move").await["move"], uci);
    }
    for socket in [&mut white, &mut black] {
        assert_eq!(socket.event("chess:end").await["reason"], "checkmate");
    }
    assert_eq!(white.refused("chess:move", mv(&room, "e2e4")).await, "game_over");

    assert_eq!(white.done("chess:find", json!({})).await["waiting"], true);
    let paired = black.done("chess:find", json!({})).await;
    assert_eq!(white.event("chess:start").await["roomId"], paired["roomId"]);
    white.done("chess:move", mv(&paired["roomId"], "e2e4")).await;
    assert_eq!(black.event("chess:move").await["move"], "e2e4");
    white.leave().await;
    assert_eq!(black.event("chess:left").await["color"], "white");
}

/// Asks both instances for something until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(people: &[Client]) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let task = |person: &Client| {
            let (person, stop, asked) = (person.clone(), Arc::clone(&stop), Arc::clone(&asked));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    person.post("/api/posts", json!({ "text": "under load" })).await.expect(201);
                    person.get("/api/feed").await.expect(200);
                    asked.fetch_add(2, Ordering::Relaxed);
                }
            })
        };
        let tasks = people.iter().map(task).collect();
        Self { stop, asked, tasks }
    }

    async fn asked(&self, more: usize) {
        let wanted = self.asked.load(Ordering::Relaxed) + more;
        while self.asked.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no request failed");
        }
    }
}

async fn redis_may_go_and_come_back(kind: Kind) {
    let mut two = Two::start(kind).await;
    let (ada, bob) = two.people().await;
    let there = two.other.guest("Eve").await;
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.one, &bob).await);
    let room = started(&mut white, &mut black).await;
    let load = Load::start(&[ada.clone(), there]);
    let mut game = MOVES.into_iter().enumerate();
    let mut play = async |white: &mut Socket, black: &mut Socket, count: usize| {
        for (ply, uci) in game.by_ref().take(count) {
            let mover = if ply % 2 == 0 { &mut *white } else { &mut *black };
            mover.done("chess:move", mv(&room, uci)).await;
        }
    };
    play(&mut white, &mut black, 6).await;
    load.asked(10).await;
    two.redis.stop();
    play(&mut white, &mut black, 6).await;
    for server in [&two.one, &two.other] {
        server.until_metric("redis_circuit_open 1").await;
    }
    load.asked(10).await;
    play(&mut white, &mut black, 6).await;
    two.redis.start_again();
    for server in [&two.one, &two.other] {
        server.until_metric("redis_circuit_open 0").await;
        server.until_metric("redis_subscribed 1").await;
    }
    play(&mut white, &mut black, 6).await;
    load.asked(10).await;
    load.end().await;
    let mut elsewhere = at(&two.other, &ada).await;
    assert_eq!(moves_of(&mut elsewhere, &room).await, json!(MOVES));
    assert_eq!(black.event("chess:resumed").await["color"], "white");
    elsewhere.done("chess:move", mv(&room, "e2e3")).await;
    black.done("chess:move", mv(&room, "e7e6")).await;
    elsewhere.event_that(|name, data| name == "chess:move" && data["move"] == "e7e6").await;
}

async fn a_killed_instances_games_go_on_elsewhere(kind: Kind) {
    let two = Two::start(kind).await;
    let (ada, bob) = two.people().await;
    let mortal = Mortal::instance(two.one.dir.path(), &two.redis).await;
    let mut white = Socket::connect(mortal.address, &ada.token).await.unwrap();
    let mut black = Socket::connect(mortal.address, &bob.token).await.unwrap();
    let room = started(&mut white, &mut black).await;
    for (ply, uci) in MOVES.into_iter().enumerate().take(5) {
        let mover = if ply % 2 == 0 { &mut white } else { &mut black };
        mover.done("chess:move", mv(&room, uci)).await;
    }
    mortal.kill();
    white.closed().await;
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
    assert_eq!(moves_of(&mut white, &room).await, json!(MOVES[..5]));
    assert_eq!(moves_of(&mut black, &room).await, json!(MOVES[..5]));
    assert_eq!(white.event("chess:resumed").await["color"], "black");
    black.done("chess:move", mv(&room, MOVES[5])).await;
    assert_eq!(white.event("chess:move").await["ply"], 6);
    white.done("chess:resign", json!({ "roomId": room })).await;
    assert_eq!(black.event("chess:end").await["reason"], "resignation");
}

/// Games whose keys lie on different masters, each between the two instances.
async fn games(two: &Two, count: usize) -> Vec<(Value, Socket, Socket)> {
    let mut games = Vec::new();
    for _ in 0..count {
        let (ada, bob) = two.people().await;
        let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
        games.push((started(&mut white, &mut black).await, white, black));
    }
    games
}

async fn a_lost_master_loses_no_move(kind: Kind) {
    let mut two = Two::start(kind).await;
    let mut games = games(&two, 8).await;
    let mut slowest = Duration::ZERO;
    for (ply, uci) in MOVES.into_iter().enumerate() {
        if ply == 8 {
            two.redis.kill_master();
        }
        for (room, white, black) in &mut games {
            let (mover, watcher) = if ply % 2 == 0 { (white, black) } else { (black, white) };
            slowest = slowest.max(insist(mover, room, uci).await);
            learns(watcher, room, ply + 1).await;
        }
    }
    for server in [&two.one, &two.other] {
        server.until_metric("redis_circuit_open 0").await;
    }
    for (room, white, black) in &mut games {
        assert_eq!(moves_of(white, room).await, json!(MOVES));
        assert_eq!(moves_of(black, room).await, json!(MOVES));
    }
    assert!(slowest < MOST_HELD_UP, "the slowest took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_names_another_master() {
    a_lost_master_loses_no_move(Kind::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_elects_another_master() {
    a_lost_master_loses_no_move(Kind::Cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_starts_without_redis() {
    let mut redis = Deployment::start(Kind::Standalone);
    redis.stop();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::instance(dir.path(), &redis).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let (mut white, mut black) = (at(&server, &ada).await, at(&server, &bob).await);
    let room = started(&mut white, &mut black).await;
    white.done("chess:move", mv(&room, "e2e4")).await;
    redis.start_again();
    server.until_metric("redis_circuit_open 0").await;
    let stored = format!("chessGameState:{}", room.as_str().unwrap());
    while !redis.ask(&["GET", &stored])[0].contains("e2e4") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let other = Server::instance(dir.path(), &redis).await;
    let mut elsewhere = at(&other, &ada).await;
    assert_eq!(moves_of(&mut elsewhere, &room).await, json!(["e2e4"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_socket_keep_their_order() {
    let redis = Deployment::start(Kind::Standalone);
    let dir = tempfile::tempdir().unwrap();
    let server = Server::instance(dir.path(), &redis).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let (mut white, mut black) = (at(&server, &ada).await, at(&server, &bob).await);
    let room = started(&mut white, &mut black).await;
    for _ in 0..50 {
        white.emit("chess:leave", json!({ "roomId": room })).await;
        white.emit("chess:resume", json!({ "roomId": room })).await;
    }
    for _ in 0..50 {
        black.event("chess:left").await;
        black.event("chess:resumed").await;
    }
    white.done("chess:move", mv(&room, "e2e4")).await;
    assert_eq!(black.event("chess:move").await["ply"], 1);
}

/// An instance tells others of its moves only while a player sits there: this one's copy is old each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_overwrites_nothing() {
    let two = Two::start(Kind::Standalone).await;
    let (ada, bob) = two.people().await;
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.one, &bob).await);
    let room = started(&mut white, &mut black).await;
    let mut tab = at(&two.other, &bob).await;
    for (ply, uci) in MOVES.into_iter().enumerate() {
        if ply % 4 == 0 {
            assert_eq!(moves_of(&mut tab, &room).await, json!(MOVES[..ply]));
            assert_eq!(moves_of(&mut black, &room).await, json!(MOVES[..ply]));
        }
        let mover = if ply % 2 == 0 { &mut white } else { &mut black };
        assert_eq!(mover.done("chess:move", mv(&room, uci)).await["ply"], ply + 1);
    }
    assert_eq!(moves_of(&mut tab, &room).await, json!(MOVES));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_emitted_at_once_is_never_lost() {
    let redis = Deployment::start(Kind::Standalone);
    let dir = tempfile::tempdir().unwrap();
    let server = Server::instance(dir.path(), &redis).await;
    let token = server.guest("Ada").await.token;
    for _ in 0..10 {
        let sockets = (0..500).map(|_| {
            let (address, token) = (server.address, token.clone());
            tokio::spawn(async move {
                let mut socket = Socket::connect(address, &token).await.unwrap();
                socket.done("room:join", json!({ "room": "lobby" })).await["ok"].clone()
            })
        });
        let answers = futures_util::future::join_all(sockets).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap() == true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_is_in_redis_and_goes_with_the_socket() {
    let redis = Deployment::start(Kind::Standalone);
    let dir = tempfile::tempdir().unwrap();
    let server = Server::instance(dir.path(), &redis).await;
    let ada = server.guest("Ada").await;
    let socket = at(&server, &ada).await;
    let key = format!("userSocketMap:{}", ada.id);
    let until = async |command: &[&str], value: &str| {
        while redis.ask(command)[0] != value {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until(&["HLEN", &key], "1").await;
    until(&["ZRANGEBYLEX", "onlineUsersById", "-", "+"], &ada.id).await;
    let ttl: i64 = redis.ask(&["TTL", &key])[0].parse().unwrap();
    assert!((1..=60).contains(&ttl), "{ttl}");
    socket.leave().await;
    until(&["EXISTS", &key], "0").await;
    until(&["ZCARD", "onlineUsers"], "0").await;
}
