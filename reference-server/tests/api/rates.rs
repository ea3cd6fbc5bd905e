//! What one client may do in a while.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use redis_fixture::Server as RedisServer;
use reference_server::{Config, Limit, RateScope, RedisSettings};
use serde_json::{Value, json};

use crate::support::{Server, Socket};

/// An hour: buckets do not refill while a test runs.
const WINDOW: Duration = Duration::from_secs(3_600);

fn limit(requests: u32) -> Limit {
    Limit { requests: NonZeroU32::new(requests).unwrap(), window: WINDOW }
}

async fn limited(change: impl FnOnce(&mut Config)) -> Server {
    Server::start_with(|config| {
        config.rate_limits.scope = RateScope::Local;
        config.rate_limits.general = limit(1_000);
        config.rate_limits.auth = limit(1_000);
        change(config);
    })
    .await
}

#[tokio::test]
async fn one_too_many_is_refused_and_told_when_to_come_back() {
    let server = limited(|config| config.rate_limits.general = limit(3)).await;
    let ada = server.guest("Ada").await;
    for remaining in ["2", "1", "0"] {
        let answer = ada.get("/api/feed").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["ratelimit-limit"], "3");
        assert_eq!(answer.headers["ratelimit-remaining"], remaining);
        assert_eq!(answer.headers["ratelimit-policy"], "\"general\";q=3;w=3600");
        assert!(!answer.headers.contains_key("retry-after"));
    }
    let refused = ada.get("/api/feed").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "rate_limited"));
    assert_eq!(refused.headers["retry-after"], "1200");
    assert_eq!(refused.headers["ratelimit-remaining"], "0");
    assert_eq!(refused.headers["ratelimit-reset"], "3600");
    assert_eq!(refused.headers["ratelimit"], "\"general\";r=0;t=3600");
    assert_eq!(ada.get("/nothing").await.status, 429, "what does not exist counts too");
    let metrics = ada.get("/metrics").await.text;
    assert!(metrics.contains("rate_limited_total{action=\"general\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_flood_from_one_client_is_nothing_to_the_others_and_to_operators() {
    let server = limited(|config| config.rate_limits.general = limit(20)).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let flood = (0..200).map(|_| ada.get("/api/feed"));
    let (flood, others) = tokio::join!(futures_util::future::join_all(flood), async {
        let mut seen = Vec::new();
        for _ in 0..10 {
            seen.push(bob.get("/api/feed").await.status.as_u16());
        }
        seen
    });
    assert_eq!(flood.iter().filter(|answer| answer.status == 200).count(), 20);
    assert!(flood.iter().all(|answer| answer.status == 200 || answer.status == 429));
    assert_eq!(others, [200; 10]);
    for path in ["/health", "/ready", "/metrics"] {
        let answer = ada.get(path).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("ratelimit-limit"), "{path}");
    }
}

#[tokio::test]
async fn a_token_that_proves_nothing_gains_no_bucket() {
    let server = limited(|config| config.rate_limits.general = limit(3)).await;
    let mut stranger = server.client();
    for (token, status) in [("a", 401), ("b", 401), ("c", 401), ("d", 429)] {
        stranger.token = token.into();
        assert_eq!(stranger.get("/api/feed").await.status, status);
    }
}

#[tokio::test]
async fn logging_in_counts_by_address_whoever_asks() {
    let server = limited(|config| config.rate_limits.auth = limit(2)).await;
    let ada = server.guest("Ada").await;
    ada.clone().guest("Another").await;
    let refused = ada.post("/api/auth/guest", json!({ "name": "One more" })).await;
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.headers["ratelimit"].to_str().unwrap().contains("\"auth\";r=0"), "{refused:?}");
    assert_eq!(ada.get("/api/feed").await.status, 200, "other routes have buckets of their own");
}

/// The last hop is the one that the proxy wrote; what the client says itself counts for nothing.
#[tokio::test]
async fn behind_a_proxy_each_forwarded_address_has_its_bucket() {
    let server = limited(|config| {
        config.rate_limits.auth = limit(1);
        config.security.trust_forwarded = true;
    })
    .await;
    let from = |hops: &'static str| server.client().with("x-forwarded-for", hops);
    let guest = || json!({ "name": "Guest" });
    assert_eq!(from("10.0.0.1").post("/api/auth/guest", guest()).await.status, 201);
    assert_eq!(from("9.9.9.9, 10.0.0.1").post("/api/auth/guest", guest()).await.status, 429);
    assert_eq!(from("10.0.0.1, 10.0.0.2").post("/api/auth/guest", guest()).await.status, 201);
    let untrusting = limited(|config| config.rate_limits.auth = limit(1)).await;
    let from = |hops: &'static str| untrusting.client().with("x-forwarded-for", hops);
    assert_eq!(from("10.0.0.1").post("/api/auth/guest", guest()).await.status, 201);
    assert_eq!(from("10.0.0.2").post("/api/auth/guest", guest()).await.status, 429);
}

#[tokio::test]
async fn posts_and_follows_have_limits_of_their_own() {
    let server = limited(|config| {
        config.rate_limits.posts = limit(1);
        config.rate_limits.follow = limit(2);
    })
    .await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    assert_eq!(ada.post("/api/posts", json!({ "text": "one" })).await.status, 201);
    assert_eq!(ada.post("/api/posts", json!({ "text": "two" })).await.code(), "rate_limited");
    assert_eq!(bob.post("/api/posts", json!({ "text": "mine" })).await.status, 201);
    let path = format!("/api/users/{}/follow", bob.id);
    assert_eq!(ada.post(&path, Value::Null).await.status, 200);
    assert_eq!(ada.delete(&path).await.status, 200);
    assert_eq!(ada.post(&path, Value::Null).await.code(), "rate_limited");
}

#[tokio::test]
async fn messages_count_together_however_they_are_sent() {
    let server = limited(|config| config.rate_limits.messages = limit(2)).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut socket = Socket::connect(server.address, &ada.token).await.unwrap();
    let message = json!({ "to": bob.id, "text": "hello" });
    assert_eq!(ada.post("/api/messages", message.clone()).await.status, 201);
    socket.done("chat:send", message.clone()).await;
    assert_eq!(ada.post("/api/messages", message.clone()).await.code(), "rate_limited");
    let answer = socket.ask("chat:send", message).await;
    assert_eq!(answer["error"]["code"], "rate_limited");
    let wait = answer["error"]["retryAfterMs"].as_u64().unwrap();
    assert!((1_790_000..=1_800_000).contains(&wait), "{answer}");
    let conversation = ada.get("/api/conversations").await.expect(200);
    assert_eq!(conversation["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rooms_moves_and_connections_are_limited() {
    let server = limited(|config| {
        config.rate_limits.rooms = limit(1);
        config.rate_limits.moves = limit(2);
        config.rate_limits.connections = limit(1);
    })
    .await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut white = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut black = Socket::connect(server.address, &bob.token).await.unwrap();
    let refusal = Socket::connect(server.address, &ada.token).await.err().unwrap();
    assert!(refusal["message"].as_str().unwrap().contains("too many"), "{refusal}");
    let room = white.done("chess:create", json!({})).await["room"].clone();
    assert_eq!(white.refused("chess:create", json!({})).await, "rate_limited");
    black.done("chess:join", json!({ "code": room["code"] })).await;
    let step = |uci: &str| json!({ "roomId": room["roomId"], "move": uci });
    white.done("chess:move", step("e2e4")).await;
    black.done("chess:move", step("e7e5")).await;
    assert_eq!(white.refused("chess:move", step("e4e5")).await, "illegal_move");
    assert_eq!(white.refused("chess:move", step("g1f3")).await, "rate_limited");
}

async fn shared(redis: &RedisServer, change: impl FnOnce(&mut Config)) -> Server {
    limited(|config| {
        let mut settings = RedisSettings::new(redis.url());
        settings.timeout = Duration::from_millis(100);
        settings.retry_interval = Duration::from_millis(50);
        config.redis = Some(settings);
        config.rate_limits.scope = RateScope::Redis;
        change(config);
    })
    .await
}

#[tokio::test]
async fn instances_count_together_and_each_for_itself_while_redis_is_away() {
    let redis = RedisServer::start();
    let one = shared(&redis, |config| config.rate_limits.posts = limit(3)).await;
    let data = one.dir.path().to_owned();
    let other = shared(&redis, |config| {
        config.rate_limits.posts = limit(3);
        config.data = data;
    })
    .await;
    let here = one.guest("Ada").await;
    let mut there = other.client();
    there.token.clone_from(&here.token);
    let post = json!({ "text": "x" });
    for (client, remaining) in [(&here, "2"), (&there, "1"), (&here, "0")] {
        let answer = client.post("/api/posts", post.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["ratelimit-remaining"]),
            (201, &remaining.parse().unwrap())
        );
    }
    assert_eq!(there.post("/api/posts", post.clone()).await.code(), "rate_limited");
    redis.stop();
    for client in [&here, &there] {
        for _ in 0..3 {
            assert_eq!(client.post("/api/posts", post.clone()).await.status, 201);
        }
        assert_eq!(client.post("/api/posts", post.clone()).await.code(), "rate_limited");
    }
    redis.cont();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let refused = here.post("/api/posts", post.clone()).await;
        assert_eq!(refused.code(), "rate_limited");
        let policy = other.client().get("/metrics").await.text;
        if policy.contains("redis_circuit_open 0") {
            break;
        }
        assert!(Instant::now() < deadline, "Redis is not used again");
    }
}

/// A limited event waits for Redis; those behind it do not overtake.
#[tokio::test]
async fn events_keep_their_order_while_they_wait_for_redis() {
    let redis = RedisServer::start();
    let server = shared(&redis, |config| config.rate_limits.moves = limit(50)).await;
    let ada = server.guest("Ada").await;
    let mut socket = Socket::connect(server.address, &ada.token).await.unwrap();
    for _ in 0..60 {
        socket.emit("chess:move", json!({})).await;
        socket.emit("nothing", json!({})).await;
    }
    for n in 0..60 {
        let limited = if n < 50 { "bad_request" } else { "rate_limited" };
        assert_eq!(socket.event("error").await["code"], limited, "{n}");
        assert_eq!(socket.event("error").await["code"], "unknown_event", "{n}");
    }
}
