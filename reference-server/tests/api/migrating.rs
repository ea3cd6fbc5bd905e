//! State that moves from the memory of two instances to one Redis while games are played.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use state_map::Phase;
use tempfile::TempDir;

use crate::support::{Client, Mortal, Server, Socket, Steering};

/// Moves that lead nowhere, so that they can be played in each game.
const MOVES: [&str; 8] = ["e2e4", "e7e5", "g1f3", "b8c6", "f1c4", "f8c5", "c2c3", "g8f6"];

/// Phases that lead forward to Redis and that can be left again.
const THERE: [Phase; 6] =
    [Phase::Dual, Phase::Backfill, Phase::Shadow, Phase::ReadNew, Phase::Strict, Phase::PrimaryNew];

/// Time within which an event is refused that cannot be served.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);

const PATIENCE: Duration = Duration::from_secs(30);

struct Two {
    redis: redis_fixture::Server,
    steering: Steering,
    dir: TempDir,
    one: Server,
    other: Server,
}

impl Two {
    async fn start() -> Self {
        let (redis, dir) = (redis_fixture::Server::start(), tempfile::tempdir().unwrap());
        let steering = Steering::of(redis.url());
        let one = Server::migrating(dir.path(), &redis.url(), "one").await;
        let other = Server::migrating(dir.path(), &redis.url(), "other").await;
        for server in [&one, &other] {
            server.until_ready().await;
            server.until_metric("redis_subscribed 1").await;
        }
        Self { redis, steering, dir, one, other }
    }

    /// What Redis has of a room.
    fn stored(&self, room: &Value) -> Value {
        let key = format!("chessGameState:{}", room.as_str().unwrap());
        let text: Option<String> = self.redis.ask(&["GET", &key]);
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }
}

async fn at(server: &Server, person: &Client) -> Socket {
    Socket::connect(server.address, &person.token).await.unwrap()
}

fn mv(room: &Value, uci: &str) -> Value {
    json!({ "roomId": room, "move": uci })
}

async fn started(white: &mut Socket, black: &mut Socket) -> Value {
    let made = white.done("chess:create", json!({})).await;
    let joined = black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    joined["roomId"].clone()
}

async fn play(white: &mut Socket, black: &mut Socket, room: &Value, plies: std::ops::Range<usize>) {
    for ply in plies {
        let (mover, watcher) =
            if ply % 2 == 0 { (&mut *white, &mut *black) } else { (&mut *black, &mut *white) };
        assert_eq!(mover.done("chess:move", mv(room, MOVES[ply])).await["ply"], ply + 1);
        watcher.event_that(|name, data| name == "chess:move" && data["ply"] == ply + 1).await;
    }
}

async fn moves_of(player: &mut Socket, room: &Value) -> Value {
    player.done("chess:resume", json!({ "roomId": room })).await["moves"].clone()
}

/// Plays one game after the other between the instances until it is told to stop. No event may fail.
struct Games {
    stop: Arc<AtomicBool>,
    played: Arc<AtomicUsize>,
    tables: Vec<tokio::task::JoinHandle<Vec<Value>>>,
}

impl Games {
    async fn start(two: &Two, tables: usize) -> Self {
        let (stop, played) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut begun = Vec::new();
        for _ in 0..tables {
            let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
            let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
            let (stop, played) = (Arc::clone(&stop), Arc::clone(&played));
            begun.push(tokio::spawn(async move {
                let mut rooms = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let room = started(&mut white, &mut black).await;
                    play(&mut white, &mut black, &room, 0..MOVES.len()).await;
                    played.fetch_add(1, Ordering::Relaxed);
                    rooms.push(room);
                }
                rooms
            }));
        }
        Self { stop, played, tables: begun }
    }

    /// Waits until as many more games were played.
    async fn more(&self, games: usize) {
        let wanted = self.played.load(Ordering::Relaxed) + games;
        while self.played.load(Ordering::Relaxed) < wanted {
            assert!(self.tables.iter().all(|table| !table.is_finished()), "a game has failed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> Vec<Value> {
        self.stop.store(true, Ordering::Relaxed);
        let mut rooms = Vec::new();
        for table in self.tables {
            rooms.extend(table.await.expect("no event failed"));
        }
        rooms
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_between_instances_go_on_through_every_phase_and_back() {
    let two = Two::start().await;
    two.steering.to(Phase::Dual).await;
    let games = Games::start(&two, 3).await;
    for phase in THERE.into_iter().chain(THERE.into_iter().rev()).chain(THERE) {
        two.steering.to(phase).await;
        games.more(3).await;
    }
    for phase in [Phase::StopOld, Phase::Done] {
        two.steering.to(phase).await;
        games.more(3).await;
    }
    for room in games.end().await {
        assert_eq!(two.stored(&room)["moves"], json!(MOVES));
    }
    two.one.until_metric("state_phase 8").await;
    let text = two.one.client().get("/metrics").await.text;
    assert!(text.contains("# HELP state_phase Phase of the migration"), "{text}");
    assert!(text.contains("\nstate_keys{map=\"chessGameStates\",kind=\"owed\"} 0\n"), "{text}");
    assert!(
        text.contains("\nstate_differences_total 0\n") && text.contains("\nstate_conflicts 0\n"),
        "{text}"
    );
    let health = two.one.client().get("/health").await.expect(200);
    assert_eq!(health["state"]["phase"], "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_of_before_is_found_from_elsewhere_and_by_a_server_with_state_in_redis() {
    let two = Two::start().await;
    let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
    let (mut white, mut bob_there) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
    let made = white.done("chess:create", json!({})).await["room"].clone();
    let by_code = json!({ "code": made["code"] });
    assert_eq!(bob_there.refused("chess:join", by_code.clone()).await, "unknown_room");
    two.steering.to(Phase::Dual).await;
    let begun = Instant::now();
    // The code is told a moment after the phase has begun.
    while bob_there.ask("chess:join", by_code.clone()).await["ok"] != true {
        assert!(begun.elapsed() < PATIENCE, "the code leads nowhere");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let room = made["roomId"].clone();
    play(&mut white, &mut bob_there, &room, 0..4).await;
    two.steering.to(Phase::Done).await;
    play(&mut white, &mut bob_there, &room, 4..6).await;
    let active =
        |person: &Client| two.redis.ask::<String>(&["GET", &format!("activeChessGame:{}", person.id)]);
    assert_eq!((json!(active(&ada)), json!(active(&bob))), (room.clone(), room.clone()));
    let settings = reference_server::RedisSettings::new(two.redis.url());
    let data = two.dir.path().to_owned();
    let after = Server::start_with(|config| {
        (config.data, config.redis) = (data, Some(settings));
    })
    .await;
    after.until_metric("redis_circuit_open 0").await;
    let (mut white, mut black) = (at(&after, &ada).await, at(&after, &bob).await);
    assert_eq!(moves_of(&mut white, &room).await, json!(MOVES[..6]));
    assert_eq!(moves_of(&mut black, &room).await, json!(MOVES[..6]));
    play(&mut white, &mut black, &room, 6..8).await;
    assert_eq!(two.stored(&room)["moves"], json!(MOVES));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_is_found_by_a_player_of_another_instance() {
    let two = Two::start().await;
    let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
    assert_eq!(white.done("chess:find", json!({})).await["waiting"], true);
    assert_eq!(black.done("chess:find", json!({})).await["waiting"], true, "in `off` each is on its own");
    two.steering.to(Phase::Dual).await;
    let room = white.event("chess:start").await["roomId"].clone();
    assert_eq!(black.event("chess:start").await["roomId"], room);
    assert_eq!(white.done("chess:find", json!({})).await["waiting"], true);
    two.steering.to(Phase::Off).await;
    two.one.until_metric("chess_players_waiting 1").await;
    let eve = two.one.guest("Eve").await;
    let begun = Instant::now();
    let mut here = at(&two.one, &eve).await;
    while here.done("chess:find", json!({})).await["waiting"] == true {
        assert!(begun.elapsed() < PATIENCE, "whoever waited among all does not wait here");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_moves_to_another_instance_stays_online() {
    let two = Two::start().await;
    let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
    let path = format!("/api/users/{}/presence", bob.id);
    let until = async |online: bool| {
        let begun = Instant::now();
        while ada.get(&path).await.expect(200)["online"] != online {
            assert!(begun.elapsed() < PATIENCE, "never online: {online}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    for phase in [Phase::Dual, Phase::Strict, Phase::PrimaryNew, Phase::StopOld] {
        two.steering.to(phase).await;
        let mut watcher = at(&two.one, &ada).await;
        watcher.done("presence:watch", json!({ "users": [bob.id] })).await;
        let old = at(&two.one, &bob).await;
        let new = at(&two.other, &bob).await;
        until(true).await;
        let key = format!("userSocketMap:{}", bob.id);
        let count = || {
            let text: Option<String> = two.redis.ask(&["GET", &key]);
            let sockets: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
            sockets.as_object().map_or(0, serde_json::Map::len)
        };
        // A write by force may be taken over by one that had not landed: the next heartbeat repeats both.
        let begun = Instant::now();
        while count() != 2 {
            assert!(begun.elapsed() < PATIENCE, "{phase}: both sockets are never there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        old.leave().await;
        while count() != 1 {
            assert!(begun.elapsed() < PATIENCE, "{phase}: the old socket never goes");
            assert_eq!(ada.get(&path).await.expect(200)["online"], true, "{phase}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ada.get(&path).await.expect(200)["online"], true, "{phase}");
        assert_eq!(ada.get("/api/users/online").await.expect(200)["items"].as_array().unwrap().len(), 2);
        new.leave().await;
        until(false).await;
        watcher.event_that(|name, data| name == "presence:changed" && data["online"] == false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_games_go_on_before_strict_and_are_refused_from_there_on() {
    let two = Two::start().await;
    let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.one, &bob).await);
    let room = started(&mut white, &mut black).await;
    for (phase, plies) in [(Phase::Dual, 0..2), (Phase::ReadNew, 2..4)] {
        two.steering.to(phase).await;
        two.redis.stop();
        play(&mut white, &mut black, &room, plies).await;
        // A key that nobody can have is taken before `read-new` also without Redis.
        let new = white.ask("chess:create", json!({})).await;
        assert_eq!(new["ok"], phase == Phase::Dual, "{phase}: {new}");
        moves_of(&mut white, &room).await;
        two.redis.cont();
    }
    for (phase, ply) in [(Phase::Strict, 4), (Phase::PrimaryNew, 5)] {
        two.steering.to(phase).await;
        two.redis.stop();
        let player = if ply % 2 == 0 { &mut white } else { &mut black };
        let begun = Instant::now();
        let code = player.refused("chess:move", mv(&room, MOVES[ply])).await;
        assert!(begun.elapsed() < REFUSED_WITHIN, "{phase}: refused after {:?}", begun.elapsed());
        assert!(["unavailable", "unknown_outcome"].contains(&code.as_str()), "{phase}: {code}");
        two.redis.cont();
        insist(player, &room, ply).await;
        assert_eq!(two.stored(&room)["moves"], json!(MOVES[..=ply]));
    }
    for server in [&two.one, &two.other] {
        server.until_metric("redis_circuit_open 0").await;
        server.until_metric("redis_subscribed 1").await;
    }
    let mut elsewhere = at(&two.other, &ada).await;
    assert_eq!(moves_of(&mut elsewhere, &room).await, json!(MOVES[..6]));
    play(&mut elsewhere, &mut black, &room, 6..8).await;
}

/// Does as the codes say: looks after an unknown outcome, tries again after a refusal.
async fn insist(player: &mut Socket, room: &Value, ply: usize) {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "the move is not taken after Redis is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let state = player.ask("chess:resume", json!({ "roomId": room })).await;
        if state["moves"].as_array().is_some_and(|moves| moves.len() > ply) {
            return;
        }
        if player.ask("chess:move", mv(room, MOVES[ply])).await["ok"] == true {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_killed_instance_in_every_phase() {
    let two = Two::start().await;
    let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
    for phase in THERE {
        two.steering.to(phase).await;
        let mortal = Mortal::migrating(two.dir.path(), &two.redis.url(), "mortal").await;
        let here = Client::new(mortal.address);
        let until = async |line: &str| {
            let begun = Instant::now();
            while !here.get("/metrics").await.text.lines().any(|found| found == line) {
                assert!(begun.elapsed() < PATIENCE, "{phase}: never {line}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        until(&format!("state_phase {}", phase as u8)).await;
        let mut white = Socket::connect(mortal.address, &ada.token).await.unwrap();
        let mut black = Socket::connect(mortal.address, &bob.token).await.unwrap();
        let room = started(&mut white, &mut black).await;
        play(&mut white, &mut black, &room, 0..4).await;
        // Before `strict` a move is acknowledged when it is in memory, and written a moment later.
        let begun = Instant::now();
        while two.stored(&room)["moves"] != json!(MOVES[..4]) {
            assert!(begun.elapsed() < PATIENCE, "{phase}: the moves are not written");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        mortal.kill();
        let successor = Server::migrating(two.dir.path(), &two.redis.url(), "mortal").await;
        successor.until_ready().await;
        let (mut white, mut black) = (at(&successor, &ada).await, at(&two.other, &bob).await);
        assert_eq!(moves_of(&mut white, &room).await, json!(MOVES[..4]), "{phase}");
        assert_eq!(moves_of(&mut black, &room).await, json!(MOVES[..4]), "{phase}");
        play(&mut white, &mut black, &room, 4..8).await;
        successor.shut_down().ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_instance_hands_its_rooms_over_at_once() {
    let two = Two::start().await;
    two.steering.to(Phase::Shadow).await;
    let leaving = Server::migrating(two.dir.path(), &two.redis.url(), "leaving").await;
    leaving.until_ready().await;
    let (ada, bob) = (two.one.guest("Ada").await, two.one.guest("Bob").await);
    let (mut white, mut black) = (at(&leaving, &ada).await, at(&leaving, &bob).await);
    let room = started(&mut white, &mut black).await;
    play(&mut white, &mut black, &room, 0..4).await;
    leaving.shut_down().ended().await;
    let (mut white, mut black) = (at(&two.one, &ada).await, at(&two.other, &bob).await);
    assert_eq!(moves_of(&mut white, &room).await, json!(MOVES[..4]));
    moves_of(&mut black, &room).await;
    play(&mut white, &mut black, &room, 4..8).await;
    let members: Vec<String> = two.redis.ask(&["HKEYS", "{stateMigration}:members"]);
    assert!(!members.contains(&"leaving".to_owned()), "{members:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_not_ready_before_it_takes_part() {
    let mut redis = redis_fixture::Server::start();
    redis.kill9();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::migrating(dir.path(), &redis.url(), "one").await;
    let ready = server.client().get("/ready").await.expect(503);
    assert_eq!(
        (&ready["status"], &ready["checks"]["state"]["status"]),
        (&json!("unavailable"), &json!("down"))
    );
    let ada = server.guest("Ada").await;
    assert_eq!(at(&server, &ada).await.refused("chess:create", json!({})).await, "unavailable");
    redis.restart();
    server.until_ready().await;
    at(&server, &ada).await.done("chess:create", json!({})).await;
}
