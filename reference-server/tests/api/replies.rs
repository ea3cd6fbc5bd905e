//! Compression, and answers that the client already has.

use std::io::Write;
use std::process::{Command, Stdio};

use hyper::Method;
use serde_json::json;

use crate::support::{Client, Server};

async fn compressing() -> Server {
    Server::start_with(|config| {
        config.http.compression.enabled = true;
        config.http.etag = true;
    })
    .await
}

/// A post whose answer to GET has exactly this size.
async fn post_of_size(client: &Client, bytes: usize) -> String {
    let create = async |length: usize| {
        let answer = client.post("/api/posts", json!({ "text": "x".repeat(length) })).await;
        format!("/api/posts/{}", answer.expect(201)["id"].as_str().unwrap())
    };
    let smallest = client.get(&create(1).await).await.bytes.len();
    let path = create(1 + bytes - smallest).await;
    assert_eq!(client.get(&path).await.bytes.len(), bytes);
    path
}

fn gunzip(body: &[u8]) -> String {
    let gzip = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut gzip = gzip.expect("this test needs gzip");
    gzip.stdin.take().unwrap().write_all(body).unwrap();
    String::from_utf8(gzip.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn bodies_of_the_threshold_are_compressed_and_smaller_ones_are_not() {
    let server = compressing().await;
    let ada = server.guest("Ada").await;
    let gzip = ada.clone().with("accept-encoding", "gzip");
    let (small, large) = (post_of_size(&ada, 1_023).await, post_of_size(&ada, 1_024).await);
    let answer = gzip.get(&small).await;
    assert!(!answer.headers.contains_key("content-encoding"), "{answer:?}");
    let answer = gzip.get(&large).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert!(answer.bytes.len() < 512, "{}", answer.bytes.len());
    assert_eq!(gunzip(&answer.bytes), ada.get(&large).await.text);
}

#[tokio::test]
async fn the_client_chooses_the_encoding() {
    let server = compressing().await;
    let ada = server.guest("Ada").await;
    let path = post_of_size(&ada, 1_500).await;
    for (accepted, encoding) in [
        ("gzip, br", "br"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("deflate", ""),
        ("identity", ""),
    ] {
        let answer = ada.clone().with("accept-encoding", accepted).get(&path).await;
        let told = answer.headers.get("content-encoding").map_or("", |value| value.to_str().unwrap());
        assert_eq!(told, encoding, "{accepted}");
        assert_eq!(answer.headers["vary"], "accept-encoding", "{accepted}");
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let server = Server::start_with(|config| config.http.etag = true).await;
    let ada = server.guest("Ada").await;
    let path = post_of_size(&ada, 400).await;
    let first = ada.get(&path).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.len() == 34, "{tag}");
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".into()] {
        let again = ada.clone().with("if-none-match", known).get(&path).await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
        assert_eq!(again.headers["etag"], tag.as_str());
        assert_eq!(again.headers["cache-control"], "private, no-cache");
        assert!(!again.headers.contains_key("content-type"), "{again:?}");
    }
    let stale = ada.clone().with("if-none-match", "\"other\"").get(&path).await;
    assert_eq!((stale.status.as_u16(), stale.bytes), (200, first.bytes));
}

#[tokio::test]
async fn head_has_the_tag_of_get_and_other_methods_and_errors_have_none() {
    let server = Server::start_with(|config| config.http.etag = true).await;
    let ada = server.guest("Ada").await;
    let path = post_of_size(&ada, 400).await;
    let tag = ada.get(&path).await.headers["etag"].clone();
    let head = ada.send(Method::HEAD, &path, None).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!((&head.headers["etag"], head.headers["content-length"].to_str().unwrap()), (&tag, "400"));
    let known = ada.clone().with("if-none-match", tag.to_str().unwrap());
    assert_eq!(known.send(Method::HEAD, &path, None).await.status, 304);
    let posted = known.post("/api/posts", json!({ "text": "x" })).await;
    assert_eq!(posted.status, 201);
    assert!(!posted.headers.contains_key("etag"));
    let any = ada.clone().with("if-none-match", "*").get("/api/posts/nothing").await;
    assert_eq!(any.code(), "not_found");
}

/// A strong tag promises the same bytes; the plain and the compressed form are not.
#[tokio::test]
async fn where_responses_are_compressed_tags_are_weak() {
    let server = compressing().await;
    let ada = server.guest("Ada").await;
    let path = post_of_size(&ada, 1_500).await;
    let plain = ada.get(&path).await.headers["etag"].clone();
    assert!(plain.to_str().unwrap().starts_with("W/\""), "{plain:?}");
    let gzip = ada.clone().with("accept-encoding", "gzip");
    assert_eq!(gzip.get(&path).await.headers["etag"], plain);
    let again = gzip.with("if-none-match", plain.to_str().unwrap()).get(&path).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    assert_eq!(again.headers["vary"], "accept-encoding");
    assert!(!again.headers.contains_key("content-encoding"), "{again:?}");
}

#[tokio::test]
async fn without_the_switches_nothing_is_tagged_or_compressed() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await.with("accept-encoding", "gzip");
    let path = post_of_size(&ada, 1_500).await;
    let answer = ada.get(&path).await;
    for header in ["etag", "content-encoding", "x-cache", "ratelimit-limit"] {
        assert!(!answer.headers.contains_key(header), "{answer:?}");
    }
}
