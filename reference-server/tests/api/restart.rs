//! What is still there afterwards.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::support::Server;

#[tokio::test]
async fn tokens_and_posts_outlive_the_server() {
    let server = Server::start().await;
    let mut ada = server.guest("Ada").await;
    let post = ada.post("/api/posts", json!({ "text": "still here" })).await.expect(201);
    let (_, dir) = server.shut_down().ended().await;
    let server = Server::start_in(dir, |_| {}).await;
    let token = ada.token.clone();
    ada = server.client();
    ada.token = token;
    assert_eq!(ada.get("/api/feed").await.expect(200)["items"], json!([post]));
}

/// The files as a killed process leaves them: copied while the store is open, nothing closed or merged.
#[tokio::test]
async fn what_was_acknowledged_outlives_a_killed_server() {
    let server = Server::start().await;
    let mut ada = server.guest("Ada").await;
    for n in 0..20 {
        ada.post("/api/posts", json!({ "text": n.to_string() })).await.expect(201);
    }
    let left = copy_of(server.dir.path());
    let successor = Server::start_in(left, |_| {}).await;
    let token = ada.token.clone();
    ada = successor.client();
    ada.token = token;
    assert_eq!(ada.get("/api/feed?limit=100").await.expect(200)["items"].as_array().unwrap().len(), 20);
}

fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn two_servers_share_one_store() {
    let one = Server::start().await;
    let (dir, ada) = (one.dir.path().to_owned(), one.guest("Ada").await);
    let other = Server::start_with(|config| config.data = dir).await;
    let mut there = other.client();
    there.token = ada.token.clone();
    there.post("/api/posts", json!({ "text": "from the other" })).await.expect(201);
    assert_eq!(ada.get("/api/feed").await.expect(200)["items"][0]["text"], "from the other");
}
