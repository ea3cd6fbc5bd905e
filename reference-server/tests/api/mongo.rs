//! The application on MongoDB.

use std::time::{Duration, Instant};

use reference_server::{Config, MongoSettings, ReadFrom, StoreHome, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::mongo::{MongoDatabase, MongoServer, database_name};
use crate::support::{Client, Server};

/// Well beyond the selection timeout of these tests, well below that of any client.
const BOUNDED: Duration = Duration::from_secs(8);

fn on(uri: &str, database: &str) -> StoreHome {
    let selection_timeout = Duration::from_secs(1);
    let mut settings = MongoSettings { selection_timeout, ..MongoSettings::new(uri) };
    settings.database = database.to_owned();
    settings.read_from = ReadFrom::SecondaryPreferred;
    StoreHome::Mongo(settings)
}

async fn server_on(uri: &str, database: &str) -> Server {
    let home = on(uri, database);
    Server::start_with(|config| config.store.home = home).await
}

async fn metric(client: &Client, name: &str) -> f64 {
    let text = client.get("/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
}

#[tokio::test]
async fn people_follow_post_and_write_on_mongodb() {
    let database = MongoDatabase::new();
    let server = server_on(&database.uri, &database.name).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    ada.post(&format!("/api/users/{}/follow", bob.id), json!({})).await.expect(200);
    let post = bob.post("/api/posts", json!({ "text": "hello" })).await.expect(201);
    assert_eq!(ada.get("/api/feed").await.expect(200)["items"], json!([post]));
    assert_eq!(bob.get("/api/notifications").await.expect(200)["items"][0]["actor"]["name"], "Ada");
    let sent = ada.post("/api/messages", json!({ "to": bob.id, "text": "hi" })).await.expect(201);
    assert_eq!(bob.get("/api/conversations").await.expect(200)["items"][0]["lastMessage"], sent);
    assert_eq!(ada.get("/ready").await.expect(200)["status"], "ready");
    database.drop_if_external().await;
}

#[tokio::test]
async fn connections_and_commands_are_measured() {
    let database = MongoDatabase::new();
    let server = server_on(&database.uri, &database.name).await;
    let ada = server.guest("Ada").await;
    ada.get("/api/feed").await.expect(200);
    assert!(metric(&ada, "mongodb_pool_size").await >= 1.0);
    // The server's own chores ask too, and the driver still fills its pool.
    for gauge in ["mongodb_pool_in_use", "mongodb_pool_waiting"] {
        until(async || metric(&ada, gauge).await == 0.0).await;
    }
    assert!(metric(&ada, "mongodb_pool_checkout_seconds_count").await >= 3.0);
    assert!(metric(&ada, "mongodb_commands_total{command=\"find\",outcome=\"ok\"}").await >= 1.0);
    let timed = "mongodb_command_duration_seconds_count{command=\"insert\"}";
    assert!(metric(&ada, timed).await >= 1.0);
    database.drop_if_external().await;
}

/// A value of another type must be refused where it stands, never become an operator of a query.
#[tokio::test]
async fn operators_are_refused_where_values_belong() {
    let database = MongoDatabase::new();
    let server = server_on(&database.uri, &database.name).await;
    let client = server.client();
    let (name, password) = ("ada", "correct horse battery");
    let account = json!({ "username": name, "email": "ada@example.com", "password": password });
    client.post("/api/auth/register", account).await.expect(201);
    for operator in [json!({ "$ne": null }), json!({ "$gt": "" }), json!({ "$regex": ".*" }), json!([name])] {
        let by_name = json!({ "username": operator, "password": password });
        assert_eq!(client.post("/api/auth/login", by_name).await.code(), "validation_failed");
        let by_password = json!({ "username": name, "password": operator });
        assert_eq!(client.post("/api/auth/login", by_password).await.code(), "validation_failed");
    }
    let guest = server.guest("Eve").await;
    for path in ["/api/users/%7B%22$ne%22:null%7D", "/api/users/$where"] {
        assert!(guest.get(path).await.status.is_client_error(), "{path}");
    }
    let by_cursor = guest.get("/api/feed?cursor=%7B%22$gt%22:%22%22%7D").await;
    assert_eq!(by_cursor.code(), "bad_cursor");
    let text = "{\"$where\": \"sleep(1000)\"}";
    let post = guest.post("/api/posts", json!({ "text": text })).await.expect(201);
    assert_eq!(guest.get("/api/feed").await.expect(200)["items"], json!([post]));
    database.drop_if_external().await;
}

#[tokio::test]
async fn a_server_without_its_database_does_not_start_and_says_where_it_looked() {
    let gone = MongoServer::start(&[]).uri();
    let uri = gone.replace("mongodb://", "mongodb://keeper:hunter2@");
    let mut config = Config { data: tempfile::tempdir().unwrap().path().to_owned(), ..Config::default() };
    config.max_connections = 500;
    config.store.home = on(&uri, "nowhere");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asked = Instant::now();
    let refused = serve(listener, config, std::future::pending()).await.unwrap_err().to_string();
    assert!(asked.elapsed() < BOUNDED);
    assert!(refused.contains(gone.trim_start_matches("mongodb://")), "{refused}");
    assert!(refused.contains("correct the connection string"), "{refused}");
    assert!(!refused.contains("hunter2") && !refused.contains("keeper"), "{refused}");
}

/// Posts until told to stop; gives what was acknowledged, and how many requests failed.
async fn post_until(client: Client, mut stop: tokio::sync::watch::Receiver<bool>) -> (Vec<Value>, usize) {
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    while !*stop.borrow_and_update() {
        let asked = Instant::now();
        let answer = client.post("/api/posts", json!({ "text": acknowledged.len().to_string() })).await;
        assert!(asked.elapsed() < BOUNDED, "{answer:?}");
        if answer.status == 201 {
            acknowledged.push(answer.json()["id"].clone());
        } else {
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "store_unavailable"));
            failed += 1;
        }
    }
    (acknowledged, failed)
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(40);
    while !holds().await {
        assert!(Instant::now() < end, "it does not come to hold");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn all_posts(client: &Client) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/feed?limit=100{cursor}")).await.expect(200);
        found.extend(page["items"].as_array().unwrap().iter().map(|post| post["id"].clone()));
        let Value::String(next) = &page["nextCursor"] else { return found };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_fails_requests_for_a_while_and_loses_no_acknowledged_write() {
    let mut mongo = MongoServer::start(&["--sync-on-commit"]);
    let server = server_on(&mongo.uri(), &database_name()).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut writers = Vec::new();
    for name in ["Ada", "Bob", "Cleo"] {
        let writer = server.guest(name).await;
        writers.push((writer.clone(), tokio::spawn(post_until(writer, stopped.clone()))));
    }
    let watcher = writers[0].0.clone();
    until(async || all_posts(&watcher).await.len() >= 20).await;
    mongo.kill();
    until(async || watcher.get("/ready").await.status == 503).await;
    until(async || watcher.get("/api/feed").await.status == 503).await;
    assert_eq!(watcher.get("/health").await.status, 200);
    mongo.restart();
    until(async || watcher.get("/ready").await.status == 200).await;
    let before = all_posts(&watcher).await.len();
    until(async || all_posts(&watcher).await.len() > before).await;
    stop.send(true).unwrap();
    let mut failed = 0;
    for (writer, posts) in writers {
        let (acknowledged, refused) = posts.await.unwrap();
        failed += refused;
        let found = all_posts(&writer).await;
        assert!(acknowledged.iter().all(|post| found.contains(post)), "an acknowledged post is gone");
    }
    assert!(failed > 0, "nobody noticed");
    assert!(metric(&watcher, "mongodb_pool_cleared_total").await >= 1.0);
    for gauge in ["mongodb_pool_in_use", "mongodb_pool_waiting"] {
        until(async || metric(&watcher, gauge).await == 0.0).await;
    }
}
