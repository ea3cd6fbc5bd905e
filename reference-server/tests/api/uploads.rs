//! Files that users send.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Client, Server};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and then some\r\n--not-the-boundary";
const FORM: &str = "multipart/form-data; boundary=XX";

fn part(name: &str, file_name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--XX\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
         content-type: text/html\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Bytes {
    [&parts.concat()[..], b"--XX--\r\n"].concat().into()
}

async fn send(client: &Client, body: Bytes) -> Answer {
    client.send_bytes(Method::POST, "/api/uploads", Some(FORM), body).await
}

async fn upload(client: &Client, file_name: &str, content: &[u8]) -> Answer {
    send(client, form(&[part("file", file_name, content)])).await
}

fn files(server: &Server) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(server.dir.path().join("uploads")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn path(upload: &Value, rest: &str) -> String {
    format!("/api/uploads/{}{rest}", upload["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let large = [PNG, &vec![0xa5; 1_000_000]].concat();
    let sent = upload(&ada, "Ferien.html", &large).await.expect(201);
    assert_eq!((&sent["name"], &sent["type"]), (&json!("Ferien.html.png"), &json!("image/png")));
    assert_eq!(
        (&sent["bytes"], &sent["status"], &sent["owner"]),
        (&json!(large.len()), &json!("processed"), &json!(ada.id))
    );
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &large);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sent["sha256"], json!(digest));
    let answer = bob.get(&path(&sent, "")).await;
    assert!(answer.bytes == large, "{} bytes of {}", answer.bytes.len(), large.len());
    for (header, value) in [
        ("content-type", "image/png"),
        ("content-length", &large.len().to_string()),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment; filename=\"Ferien.html.png\"; filename*=UTF-8''Ferien.html.png"),
    ] {
        assert_eq!(answer.headers[header], *value, "{header}");
    }
    assert_eq!(bob.get(&path(&sent, "/meta")).await.expect(200), sent);
    assert_eq!(ada.get("/api/uploads").await.expect(200)["items"], json!([sent]));
    assert_eq!(server.client().get(&path(&sent, "")).await.code(), "bad_token");
    assert_eq!(bob.delete(&path(&sent, "")).await.code(), "not_found");
    assert_eq!(ada.delete(&path(&sent, "")).await.status, 204);
    assert_eq!(ada.get(&path(&sent, "")).await.code(), "not_found");
    assert_eq!(files(&server), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let server = Server::start_with(|config| config.uploads.max_bytes = 100_000).await;
    let ada = server.guest("Ada").await;
    let large = [PNG, &vec![0; 100_000 - PNG.len() + 1]].concat();
    let huge = [PNG, &vec![0; 1_000_000]].concat();
    let good = part("file", "a.png", PNG);
    let cases = [
        ("one byte too many", form(&[part("file", "a.png", &large)]), 413, "body_too_large"),
        ("far too many", form(&[part("file", "a.png", &huge)]), 413, "body_too_large"),
        (
            "a page",
            form(&[part("file", "a.png", b"<html><script>1</script>")]),
            415,
            "unsupported_media_type",
        ),
        ("an empty file", form(&[part("file", "a.png", b"")]), 422, "validation_failed"),
        ("two files", form(&[good.clone(), good.clone()]), 422, "validation_failed"),
        ("another part", form(&[part("avatar", "a.png", PNG)]), 422, "validation_failed"),
        ("no part", form(&[]), 422, "validation_failed"),
        ("half a form", Bytes::from(good.clone()), 422, "validation_failed"),
        ("no form", Bytes::from_static(PNG), 422, "validation_failed"),
    ];
    for (case, body, status, code) in cases {
        let answer = send(&ada, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{case}");
    }
    for content_type in [None, Some("image/png"), Some("application/json"), Some("multipart/form-data")] {
        let answer = ada
            .send_bytes(Method::POST, "/api/uploads", content_type, form(std::slice::from_ref(&good)))
            .await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "unsupported_media_type"));
    }
    assert_eq!(files(&server), Vec::<PathBuf>::new());
    let full = [PNG, &vec![0; 100_000 - PNG.len()]].concat();
    upload(&ada, "a.png", &full).await.expect(201);
}

#[tokio::test]
async fn no_name_leads_anywhere() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await;
    for name in ["../../../../tmp/x.png", "/etc/passwd", "..", "a%00.png", "con:aux.png", "..\\\\..\\\\x.png"]
    {
        let sent = upload(&ada, name, PNG).await.expect(201);
        let shown = sent["name"].as_str().unwrap();
        assert!(!shown.contains(['/', '\\']) && shown.ends_with(".png"), "{shown}");
        let file = server.dir.path().join("uploads").join(sent["id"].as_str().unwrap());
        assert_eq!(std::fs::read(file).unwrap(), PNG);
    }
    assert_eq!(files(&server).len(), 6);
    for id in ["..%2f..%2freference.db", "%2e%2e", "incoming-x", "x"] {
        assert_eq!(ada.get(&format!("/api/uploads/{id}")).await.code(), "not_found", "{id}");
        assert_eq!(ada.delete(&format!("/api/uploads/{id}")).await.code(), "not_found", "{id}");
    }
}

#[tokio::test]
async fn a_user_keeps_so_many_files_and_no_more() {
    let server = Server::start_with(|config| config.uploads.max_per_user = 2).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let sends = (0..5).map(|_| upload(&ada, "a.png", PNG));
    let answers = futures_util::future::join_all(sends).await;
    let sent: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!((sent.len(), files(&server).len()), (2, 2));
    let refused = answers.iter().find(|answer| answer.status != 201).unwrap();
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "quota_reached"));
    upload(&bob, "a.png", PNG).await.expect(201);
    ada.delete(&path(&sent[0].json(), "")).await;
    upload(&ada, "a.png", PNG).await.expect(201);
}

/// Waits for the folder to hold so many files.
async fn until_files(server: &Server, count: usize) {
    let held = async {
        while files(server).len() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), held).await.expect("the folder changes");
}

async fn begin(server: &Server, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/uploads HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {FORM}\r\n\
         content-length: 10000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let started = part("file", "a.png", PNG);
    stream.write_all(&started[..started.len() - 2]).await.unwrap();
    stream
}

/// A file may take longer than other requests, but not for ever; and a client may go away in the middle.
#[tokio::test]
async fn an_unfinished_file_is_given_up_and_removed() {
    let server = Server::start_with(|config| {
        config.http.request_timeout = Duration::from_millis(50);
        config.uploads.request_timeout = Duration::from_secs(2);
    })
    .await;
    let ada = server.guest("Ada").await;
    let gone = begin(&server, &ada.token).await;
    until_files(&server, 1).await;
    drop(gone);
    until_files(&server, 0).await;
    let mut slow = begin(&server, &ada.token).await;
    until_files(&server, 1).await;
    let mut answer = vec![0; 1024];
    let count = slow.read(&mut answer).await.unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer[..count]));
    until_files(&server, 0).await;
}

#[tokio::test]
async fn what_a_crash_left_behind_is_swept_at_the_next_start() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await;
    let kept = upload(&ada, "a.png", PNG).await.expect(201);
    let folder = server.dir.path().join("uploads");
    let old = std::time::SystemTime::now() - Duration::from_secs(2 * 3_600);
    for name in ["incoming-old", "01a1fc3c-9350-7194-b6f2-a8771e629ac9", kept["id"].as_str().unwrap()] {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    std::fs::write(folder.join("incoming-young"), "x").unwrap();
    let (_, dir) = server.shut_down().ended().await;
    let server = Server::start_in(dir, |_| {}).await;
    until_files(&server, 2).await;
    let mut again = server.client();
    again.token = ada.token;
    assert_eq!(again.get(&path(&kept, "")).await.bytes, PNG);
}
