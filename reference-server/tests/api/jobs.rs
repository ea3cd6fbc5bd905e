//! Background jobs: inline, queued, retried, dead, revived, and with Redis away.

use std::path::Path;
use std::time::{Duration, Instant};

use hyper::Method;
use reference_server::{JobMode, RedisSettings};
use serde_json::{Value, json};

use crate::support::{Client, Deployment, Kind, Server};

async fn register(client: &Client, username: &str) {
    let email = format!("{username}@example.com");
    let account = json!({ "username": username, "email": email, "password": "correct horse" });
    client.post("/api/auth/register", account).await.expect(201);
}

/// The mails that were handed over, by receiver.
fn outbox(data: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(data.join("outbox")) else { return Vec::new() };
    let mails = files.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "json"));
    let read =
        |file: std::fs::DirEntry| serde_json::from_slice::<Value>(&std::fs::read(file.path()).unwrap());
    let mut to: Vec<_> = mails.map(|file| read(file).unwrap()["to"].as_str().unwrap().to_owned()).collect();
    to.sort();
    to
}

async fn queued(redis: &Deployment) -> Server {
    let url = redis.url();
    Server::start_with(|config| {
        config.redis = Some(RedisSettings::new(url));
        config.jobs.mode = JobMode::Queued;
        config.jobs.max_attempts = 2;
        config.security.administrator = Some(("root".into(), "correct horse".to_owned().into()));
    })
    .await
}

async fn log_in(server: &Server, username: &str) -> Client {
    let mut client = server.client();
    let ask = json!({ "username": username, "password": "correct horse" });
    client.token =
        client.post("/api/auth/login", ask).await.expect(200)["token"].as_str().unwrap().to_owned();
    client
}

async fn administrator(server: &Server) -> Client {
    log_in(server, "root").await
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn email_queue(admin: &Client) -> Value {
    admin.get("/api/admin/jobs").await.expect(200)["queues"][0].clone()
}

#[tokio::test]
async fn an_inline_mail_is_out_before_the_answer() {
    let server = Server::start().await;
    register(&server.client(), "ada").await;
    assert_eq!(outbox(server.dir.path()), ["ada@example.com"]);
}

#[tokio::test]
async fn a_mail_that_cannot_go_out_does_not_undo_the_account() {
    let server = Server::start().await;
    std::fs::write(server.dir.path().join("outbox"), "in the way").unwrap();
    register(&server.client(), "ada").await;
    log_in(&server, "ada").await;
}

#[tokio::test]
async fn queued_mails_go_out_each_once() {
    let redis = Deployment::start(Kind::Standalone);
    let server = queued(&redis).await;
    let names: Vec<_> = (0..20).map(|n| format!("user-{n:02}")).collect();
    for name in &names {
        register(&server.client(), name).await;
    }
    let expected: Vec<_> = names.iter().map(|name| format!("{name}@example.com")).collect();
    until("all mails are out", async || outbox(server.dir.path()) == expected).await;
    let admin = administrator(&server).await;
    until("the queue is empty", async || {
        let queue = email_queue(&admin).await;
        (queue["done"].as_u64(), queue["waiting"].as_u64(), queue["dead"].as_u64())
            == (Some(20), Some(0), Some(0))
    })
    .await;
}

#[tokio::test]
async fn a_job_that_fails_for_good_is_a_dead_letter_until_it_is_revived() {
    let redis = Deployment::start(Kind::Standalone);
    let server = queued(&redis).await;
    let in_the_way = server.dir.path().join("outbox");
    std::fs::write(&in_the_way, "in the way").unwrap();
    register(&server.client(), "ada").await;
    let admin = administrator(&server).await;
    until("the job is dead", async || email_queue(&admin).await["dead"] == 1).await;
    let dead = email_queue(&admin).await["deadJobs"][0].clone();
    assert_eq!(
        (dead["attempts"].as_u64(), dead["what"].as_str()),
        (Some(2), Some("mail \"Welcome\"")),
        "{dead}"
    );
    assert!(dead["failure"].as_str().unwrap().contains("could not be handed over"), "{dead}");
    std::fs::remove_file(&in_the_way).unwrap();
    let id = dead["id"].as_str().unwrap();
    let retried = admin.post(&format!("/api/admin/jobs/email/{id}/retry"), json!({})).await;
    assert_eq!(retried.status, 204, "{retried:?}");
    until("the mail is out", async || outbox(server.dir.path()) == ["ada@example.com"]).await;
    let again = admin.post(&format!("/api/admin/jobs/email/{id}/retry"), json!({})).await;
    assert_eq!(again.code(), "not_found");
}

#[tokio::test]
async fn with_redis_away_mails_go_out_all_the_same() {
    let mut redis = Deployment::start(Kind::Standalone);
    let server = queued(&redis).await;
    redis.stop();
    register(&server.client(), "ada").await;
    assert_eq!(outbox(server.dir.path()), ["ada@example.com"]);
    redis.start_again();
    let admin = administrator(&server).await;
    until("the worker is back", async || admin.get("/api/admin/jobs").await.status == 200).await;
    register(&server.client(), "bob").await;
    until("the second mail is out", async || outbox(server.dir.path()).len() == 2).await;
}

#[tokio::test]
async fn the_queues_are_for_administrators() {
    let server = Server::start().await;
    assert_eq!(server.client().get("/api/admin/jobs").await.status, 401);
    let guest = server.guest("eve").await;
    assert_eq!(guest.get("/api/admin/jobs").await.status, 403);
    assert_eq!(guest.get("/admin/jobs").await.status, 403);
}

#[tokio::test]
async fn files_are_processed_by_the_queue() {
    let redis = Deployment::start(Kind::Standalone);
    let server = queued(&redis).await;
    let ada = server.guest("Ada").await;
    let head = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".as_slice();
    let form = [head, b"\x89PNG\r\n\x1a\n0123456789", b"\r\n--x--\r\n"].concat();
    let kind = Some("multipart/form-data; boundary=x");
    let sent = ada.send_bytes(Method::POST, "/api/uploads", kind, form.into()).await.expect(201);
    let meta = format!("/api/uploads/{}/meta", sent["id"].as_str().unwrap());
    until("the file is processed", async || ada.get(&meta).await.expect(200)["status"] == "processed").await;
}
