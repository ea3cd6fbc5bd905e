//! Cached answers: what is kept, for whom, and what a write drops.

use std::time::{Duration, Instant};

use redis_fixture::Server as RedisServer;
use reference_server::{Config, RedisSettings};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Client, Server, Socket};

async fn caching(change: impl FnOnce(&mut Config)) -> Server {
    Server::start_with(|config| {
        config.cache.enabled = true;
        config.cache.l1_ttl = Duration::from_secs(600);
        change(config);
    })
    .await
}

/// Two instances on one store, with a Redis between them.
async fn two_instances(redis: &RedisServer, change: impl Fn(&mut Config)) -> (Server, Server) {
    let one = caching(|config| {
        config.redis = Some(RedisSettings::new(redis.url()));
        change(config);
    })
    .await;
    let other = caching(|config| {
        config.data = one.dir.path().to_owned();
        config.redis = Some(RedisSettings::new(redis.url()));
        change(config);
    })
    .await;
    (one, other)
}

async fn follow(follower: &Client, followed: &Client) {
    follower.post(&format!("/api/users/{}/follow", followed.id), Value::Null).await.expect(200);
}

async fn write(author: &Client, text: &str) -> String {
    let post = author.post("/api/posts", json!({ "text": text })).await.expect(201);
    post["id"].as_str().unwrap().to_owned()
}

/// Asks twice: the answer, which must not have been in the cache before and must be in it then.
async fn miss_then_hit(client: &Client, path: &str) -> Value {
    let first = client.get(path).await;
    assert_eq!(first.headers["x-cache"], "MISS", "{path}: {first:?}");
    let second = client.get(path).await;
    assert_eq!(second.headers["x-cache"], "HIT", "{path}: {second:?}");
    assert_eq!(first.bytes, second.bytes, "{path}");
    first.expect(200)
}

async fn store_calls(server: &Server, operation: &str) -> u64 {
    let metrics = server.client().get("/metrics").await.text;
    let name = format!("store_calls_total{{operation=\"{operation}\",outcome=\"ok\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn what_was_asked_for_is_kept_and_the_store_is_left_alone() {
    let server = caching(|_| {}).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let post = write(&ada, "hello").await;
    for path in [
        "/api/users/me".to_owned(),
        format!("/api/users/{}/followers", ada.id),
        format!("/api/users/{}/following?limit=5", ada.id),
        format!("/api/posts/{post}"),
        "/api/feed".into(),
        "/api/notifications/unread".into(),
        "/api/lawyers".into(),
        "/api/dashboard".into(),
    ] {
        miss_then_hit(&ada, &path).await;
    }
    let before = store_calls(&server, "post").await;
    assert_eq!(bob.get(&format!("/api/posts/{post}")).await.headers["x-cache"], "HIT", "the same for all");
    assert_eq!(store_calls(&server, "post").await, before);
    let metrics = ada.get("/metrics").await.text;
    assert!(metrics.contains("cache_requests_total{class=\"post\",outcome=\"hit_l1\"} 2"), "{metrics}");
    assert!(metrics.contains("cache_requests_total{class=\"post\",outcome=\"miss\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_read() {
    let server = caching(|_| {}).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let bobs = |list: &str| format!("/api/users/{}/{list}", bob.id);
    assert_eq!(miss_then_hit(&bob, "/api/users/me").await["followers"], 0);
    assert_eq!(miss_then_hit(&bob, "/api/notifications/unread").await["unread"], 0);
    assert_eq!(miss_then_hit(&ada, &bobs("followers")).await["items"], json!([]));
    assert_eq!(miss_then_hit(&ada, "/api/feed").await["items"], json!([]));
    write(&bob, "before").await;
    follow(&ada, &bob).await;
    assert_eq!(miss_then_hit(&bob, "/api/users/me").await["followers"], 1);
    assert_eq!(miss_then_hit(&bob, "/api/notifications/unread").await["unread"], 1);
    assert_eq!(miss_then_hit(&ada, &bobs("followers")).await["items"][0]["id"], ada.id);
    assert_eq!(miss_then_hit(&ada, "/api/feed").await["items"][0]["text"], "before");
    let post = write(&bob, "after").await;
    assert_eq!(miss_then_hit(&ada, "/api/feed").await["items"][0]["text"], "after");
    bob.post("/api/notifications/read", Value::Null).await.expect(200);
    assert_eq!(miss_then_hit(&bob, "/api/notifications/unread").await["unread"], 0);
    let path = format!("/api/posts/{post}");
    assert_eq!(miss_then_hit(&ada, &path).await["likes"], 0);
    ada.post(&format!("{path}/like"), Value::Null).await.expect(200);
    assert_eq!(miss_then_hit(&ada, &path).await["likes"], 1);
    assert_eq!(miss_then_hit(&bob, "/api/notifications/unread").await["unread"], 1);
    let comment = ada.post(&format!("{path}/comments"), json!({ "text": "nice" })).await.expect(201);
    assert_eq!(miss_then_hit(&ada, &path).await["comments"], 1);
    assert_eq!(miss_then_hit(&bob, "/api/notifications/unread").await["unread"], 2);
    let gone = ada.delete(&format!("{path}/comments/{}", comment["id"].as_str().unwrap())).await;
    assert_eq!(gone.status, 204);
    assert_eq!(miss_then_hit(&bob, "/api/notifications/unread").await["unread"], 1);
    assert_eq!(bob.delete(&path).await.status, 204);
    assert_eq!(ada.get(&path).await.status, 404);
    assert_eq!(miss_then_hit(&ada, "/api/feed").await["items"][0]["text"], "before");
}

#[tokio::test]
async fn a_profile_is_kept_under_its_name_too() {
    let server = caching(|_| {}).await;
    let account = json!({ "username": "Ada_L", "email": "ada@example.com", "password": "correct horse" });
    let session = server.client().post("/api/auth/register", account).await.expect(201);
    let mut ada = server.client();
    ada.token = session["token"].as_str().unwrap().to_owned();
    assert_eq!(miss_then_hit(&ada, "/api/users/Ada_L").await["name"], "Ada_L");
    assert_eq!(ada.get("/api/users/ada_l").await.headers["x-cache"], "HIT");
    let change = json!({ "name": "Countess" }).to_string();
    ada.send(hyper::Method::PATCH, "/api/users/me", Some(change)).await.expect(200);
    assert_eq!(miss_then_hit(&ada, "/api/users/ada_l").await["name"], "Countess");
    for nobody in ["nobody", "no%20body", &"x".repeat(500)] {
        assert_eq!(ada.get(&format!("/api/users/{nobody}")).await.status, 404);
    }
}

#[tokio::test]
async fn nobody_gets_what_is_anothers() {
    let server = caching(|_| {}).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    write(&ada, "mine").await;
    let query = json!({ "title": "t", "description": "d", "category": "family" });
    ada.post("/api/queries", query).await.expect(201);
    for path in ["/api/users/me", "/api/feed", "/api/dashboard", "/api/notifications/unread"] {
        let adas = miss_then_hit(&ada, path).await;
        let bobs = miss_then_hit(&bob, path).await;
        assert!(path.ends_with("unread") || adas != bobs, "{path}: {bobs}");
        assert_eq!(server.client().get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn fields_are_selected_after_the_cache_and_pages_are_kept_apart() {
    let server = caching(|config| config.http.etag = true).await;
    let ada = server.guest("Ada").await;
    let posts = [write(&ada, "one").await, write(&ada, "two").await];
    let path = format!("/api/posts/{}", posts[0]);
    miss_then_hit(&ada, &path).await;
    let sparse = ada.get(&format!("{path}?fields=text")).await;
    assert_eq!(sparse.headers["x-cache"], "HIT");
    assert_eq!(sparse.json(), json!({ "text": "one" }));
    let whole = ada.get(&path).await;
    assert_ne!(whole.headers["etag"], sparse.headers["etag"]);
    let first = miss_then_hit(&ada, "/api/feed?limit=1").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = miss_then_hit(&ada, &format!("/api/feed?limit=1&cursor={cursor}")).await;
    assert_eq!((&first["items"][0]["text"], &second["items"][0]["text"]), (&json!("two"), &json!("one")));
    let known = ada.clone().with("if-none-match", whole.headers["etag"].to_str().unwrap());
    let again = known.get(&path).await;
    assert_eq!((again.status.as_u16(), again.headers["x-cache"].to_str().unwrap()), (304, "HIT"));
}

#[tokio::test]
async fn dashboards_and_the_list_of_lawyers_follow_their_writes() {
    let server = caching(|_| {}).await;
    let ada = server.guest("Ada").await;
    assert_eq!(miss_then_hit(&ada, "/api/dashboard").await["queries"]["open"], 0);
    let query = json!({ "title": "t", "description": "d", "category": "family" });
    ada.post("/api/queries", query).await.expect(201);
    assert_eq!(miss_then_hit(&ada, "/api/dashboard").await["queries"]["open"], 1);
}

/// The change may be stored already when the client goes: its copies are dropped all the same.
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_write_leaves_nothing_stale() {
    let server = caching(|_| {}).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    for round in 1..=20 {
        let path = "/api/users/me";
        let known = ada.get(path).await.expect(200)["following"].as_u64().unwrap();
        assert_eq!(known, (round - 1) % 2, "round {round}");
        let method = if known == 0 { "POST" } else { "DELETE" };
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "{method} /api/users/{}/follow HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
            bob.id, ada.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        drop(stream);
        let deadline = Instant::now() + Duration::from_secs(5);
        while ada.get(path).await.expect(200)["following"] == known {
            assert!(Instant::now() < deadline, "round {round}: an old copy stays");
        }
    }
}

#[tokio::test]
async fn instances_share_copies_and_tell_each_other_what_is_stale() {
    let redis = RedisServer::start();
    let (one, other) = two_instances(&redis, |_| {}).await;
    let ada = one.guest("Ada").await;
    let mut ada_there = other.client();
    (ada_there.id, ada_there.token) = (ada.id.clone(), ada.token.clone());
    let bob = one.guest("Bob").await;
    miss_then_hit(&ada, "/api/users/me").await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while ada_there.get("/api/users/me").await.headers["x-cache"] != "HIT" {
        assert!(Instant::now() < deadline);
    }
    let metrics = ada_there.get("/metrics").await.text;
    assert!(metrics.contains("outcome=\"hit_l2\""), "{metrics}");
    follow(&bob, &ada).await;
    assert_eq!(ada.get("/api/users/me").await.expect(200)["followers"], 1);
    while ada_there.get("/api/users/me").await.expect(200)["followers"] != 1 {
        assert!(Instant::now() < deadline, "the other instance was not told");
    }
}

#[tokio::test]
async fn while_redis_hangs_every_request_succeeds_and_later_no_copy_is_stale() {
    let redis = RedisServer::start();
    let (one, other) = two_instances(&redis, |config| {
        config.cache.l1_entries = 0;
        if let Some(redis) = &mut config.redis {
            redis.timeout = Duration::from_millis(50);
            redis.retry_interval = Duration::from_millis(50);
        }
    })
    .await;
    let (ada, bob) = (one.guest("Ada").await, one.guest("Bob").await);
    let mut ada_there = other.client();
    ada_there.token.clone_from(&ada.token);
    assert_eq!(miss_then_hit(&ada, "/api/users/me").await["followers"], 0);
    redis.stop();
    follow(&bob, &ada).await;
    for _ in 0..10 {
        assert_eq!(ada.get("/api/users/me").await.expect(200)["followers"], 1);
        assert_eq!(ada_there.get("/api/users/me").await.expect(200)["followers"], 1);
    }
    redis.cont();
    let deadline = Instant::now() + Duration::from_secs(20);
    while ada.get("/api/users/me").await.headers["x-cache"] != "HIT" {
        assert!(Instant::now() < deadline, "Redis is not used again");
        assert_eq!(ada.get("/api/users/me").await.expect(200)["followers"], 1);
    }
    while ada_there.get("/api/users/me").await.expect(200)["followers"] != 1 {
        assert!(Instant::now() < deadline, "a copy in Redis stays stale");
    }
}

/// More followers than are told before the author has the answer.
#[tokio::test]
async fn the_feeds_of_very_many_followers_are_dropped_too() {
    let server = caching(|config| config.max_connections = 2_000).await;
    let author = server.guest("Author").await;
    let mut followers = Vec::new();
    for _ in 0..520 {
        let follower = server.guest("Follower").await;
        follow(&follower, &author).await;
        followers.push(follower);
    }
    let (first, last) = (&followers[0], &followers[519]);
    miss_then_hit(first, "/api/feed").await;
    miss_then_hit(last, "/api/feed").await;
    write(&author, "to all").await;
    assert_eq!(last.get("/api/feed").await.json()["items"][0]["text"], "to all", "those are told at once");
    let deadline = Instant::now() + Duration::from_secs(10);
    while first.get("/api/feed").await.json()["items"][0]["text"] != "to all" {
        assert!(Instant::now() < deadline, "the others are told in the background");
    }
}

#[tokio::test]
async fn a_warm_cache_has_what_most_will_ask_for() {
    let cold = Server::start().await;
    let (ada, bob) = (cold.guest("Ada").await, cold.guest("Bob").await);
    follow(&bob, &ada).await;
    let post = write(&ada, "popular").await;
    let server = caching(|config| {
        config.data = cold.dir.path().to_owned();
        config.cache.warming = true;
    })
    .await;
    let deadline = Instant::now() + Duration::from_secs(10);
    let last = "cache_requests_total{class=\"lawyers\",outcome=\"miss\"} 1";
    while !server.client().get("/metrics").await.text.contains(last) {
        assert!(Instant::now() < deadline, "the cache stays cold");
    }
    let mut reader = server.client();
    reader.token.clone_from(&ada.token);
    for path in ["/api/users/me", &format!("/api/posts/{post}"), "/api/lawyers"] {
        assert_eq!(reader.get(path).await.headers["x-cache"], "HIT", "{path}");
    }
}

#[tokio::test]
async fn the_result_of_a_game_is_seen_in_its_post() {
    let server = caching(|_| {}).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut white = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut black = Socket::connect(server.address, &bob.token).await.unwrap();
    let made = white.done("chess:create", json!({})).await;
    let room = made["room"]["roomId"].clone();
    black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    let post = ada.post("/api/posts/chess", json!({ "roomId": room })).await.expect(201);
    let path = format!("/api/posts/{}", post["id"].as_str().unwrap());
    assert_eq!(miss_then_hit(&ada, &path).await["game"]["result"], Value::Null);
    miss_then_hit(&ada, "/api/feed").await;
    black.done("chess:resign", json!({ "roomId": room })).await;
    let end = Instant::now() + Duration::from_secs(10);
    let results = async || {
        let feed = ada.get("/api/feed").await.expect(200);
        [
            ada.get(&path).await.expect(200)["game"]["result"].clone(),
            feed["items"][0]["game"]["result"].clone(),
        ]
    };
    while results().await != [json!("1-0"), json!("1-0")] {
        assert!(Instant::now() < end, "the copies stay: {:?}", results().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
