//! Access tokens and refresh tokens: rotation, replay, expiry, the end; roles and administrators.

use std::time::Duration;

use hyper::Method;
use reference_server::{Config, StartError, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Client, Server, Socket};

async fn refresh(client: &Client, token: &str) -> crate::support::Answer {
    client.post("/api/auth/refresh", json!({ "refreshToken": token })).await
}

fn text(session: &Value, field: &str) -> String {
    session[field].as_str().unwrap_or_else(|| panic!("{field} in {session}")).to_owned()
}

#[tokio::test]
async fn each_refresh_token_leads_to_the_next() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let mut client = server.client();
    let mut token = guest.refresh.clone();
    for _ in 0..3 {
        let session = refresh(&client, &token).await.expect(200);
        assert_eq!((&session["user"]["id"], &session["role"]), (&json!(guest.id), &json!("citizen")));
        assert_ne!(text(&session, "refreshToken"), token);
        token = text(&session, "refreshToken");
        client.token = text(&session, "token");
        client.get("/api/users/me").await.expect(200);
    }
}

#[tokio::test]
async fn a_replayed_token_ends_the_session_of_thief_and_owner() {
    let server = Server::start().await;
    let (guest, client) = (server.guest("Ada").await, server.client());
    let other_device = server.guest("Bob").await;
    let next = text(&refresh(&client, &guest.refresh).await.expect(200), "refreshToken");
    let replayed = refresh(&client, &guest.refresh).await;
    assert_eq!((replayed.status.as_u16(), replayed.code().as_str()), (401, "replayed_token"));
    let ended = refresh(&client, &next).await;
    assert_eq!((ended.status.as_u16(), ended.code().as_str()), (401, "bad_token"));
    refresh(&client, &other_device.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_same_token_sent_many_times_at_once_one_holds() {
    let server = Server::start().await;
    let (guest, client) = (server.guest("Ada").await, server.client());
    let uses = (0..8).map(|_| refresh(&client, &guest.refresh));
    let answers = futures_util::future::join_all(uses).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let server = Server::start().await;
    let (guest, client) = (server.guest("Ada").await, server.client());
    let unknown = "0".repeat(96);
    for bad in ["", "nonsense", guest.token.as_str(), unknown.as_str(), &guest.refresh[1..]] {
        let refused = refresh(&client, bad).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (401, "bad_token"), "{bad}");
    }
    assert_eq!(client.post("/api/auth/refresh", json!({})).await.code(), "bad_token");
    let operator = json!({ "refreshToken": { "$ne": null } });
    assert_eq!(client.post("/api/auth/refresh", operator).await.code(), "validation_failed");
    let mut as_access = client.clone();
    as_access.token = guest.refresh.clone();
    assert_eq!(as_access.get("/api/feed").await.code(), "bad_token");
}

#[tokio::test]
async fn a_session_that_was_not_used_in_time_is_over() {
    let server = Server::start_with(|config| config.security.refresh_ttl = Duration::ZERO).await;
    let guest = server.guest("Ada").await;
    assert_eq!(refresh(&server.client(), &guest.refresh).await.code(), "bad_token");
}

#[tokio::test]
async fn an_expired_access_token_opens_nothing_and_its_session_goes_on() {
    let server = Server::start_with(|config| config.security.token_ttl = Duration::from_secs(1)).await;
    let guest = server.guest("Ada").await;
    let over = tokio::time::timeout(Duration::from_secs(20), async {
        while guest.get("/api/users/me").await.status != 401 {}
    });
    over.await.expect("the token expires");
    let refused = Socket::connect(server.address, &guest.token).await.map(|_| ()).unwrap_err();
    assert!(refused["message"].as_str().unwrap().starts_with("bad_token: "), "{refused}");
    refresh(&server.client(), &guest.refresh).await.expect(200);
}

#[tokio::test]
async fn a_logout_ends_the_session_by_either_token() {
    let server = Server::start().await;
    let (one, other, client) = (server.guest("Ada").await, server.guest("Bob").await, server.client());
    for _ in 0..2 {
        let ended = client.post("/api/auth/logout", json!({ "refreshToken": one.refresh })).await;
        assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
    }
    assert_eq!(refresh(&client, &one.refresh).await.code(), "bad_token");
    assert_eq!(other.post("/api/auth/logout", json!({})).await.status, 204);
    assert_eq!(refresh(&client, &other.refresh).await.code(), "bad_token");
    assert_eq!(client.post("/api/auth/logout", json!({})).await.code(), "bad_token");
}

#[tokio::test]
async fn an_account_is_a_citizen_or_a_lawyer_but_no_administrator() {
    let server = Server::start().await;
    let client = server.client();
    let register = async |name: &str, role: Value| {
        let mail = format!("{name}@example.com");
        let form = json!({ "username": name, "email": mail, "password": "correct horse", "role": role });
        client.post("/api/auth/register", form).await
    };
    assert_eq!(register("ada", json!("lawyer")).await.expect(201)["role"], "lawyer");
    assert_eq!(register("bob", json!("citizen")).await.expect(201)["role"], "citizen");
    for bad in [json!("admin"), json!("Lawyer"), json!({ "$gt": "" }), json!(1)] {
        assert_eq!(register("eve", bad).await.code(), "validation_failed");
    }
}

/// With an administrator in its settings.
async fn administered(remote: bool, proxied: bool) -> Server {
    Server::start_with(|config| {
        config.security.administrator = Some(("root".into(), "correct horse".into()));
        config.security.remote_admin = remote;
        config.security.trust_forwarded = proxied;
    })
    .await
}

async fn log_in(server: &Server, username: &str, password: &str) -> crate::support::Answer {
    let form = json!({ "username": username, "password": password });
    server.client().post("/api/auth/login", form).await
}

async fn administrator(server: &Server) -> Client {
    let session = log_in(server, "root", "correct horse").await.expect(200);
    assert_eq!(session["role"], "admin");
    let mut client = server.client();
    client.token = text(&session, "token");
    client
}

#[tokio::test]
async fn administration_is_for_administrators_on_this_machine() {
    let server = administered(false, false).await;
    let (root, guest) = (administrator(&server).await, server.guest("Ada").await);
    let path = format!("/api/admin/users/{}/sessions", guest.id);
    assert_eq!(guest.delete(&path).await.code(), "forbidden");
    assert_eq!(server.client().delete(&path).await.code(), "bad_token");
    for (name, value) in
        [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("x-forwarded-for", "::1")]
    {
        let refused = root.with(name, value).delete(&path).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "forbidden"), "{name}: {value}");
    }
    refresh(&server.client(), &guest.refresh).await.expect(200);
    assert_eq!(root.delete(&path).await.status, 204);
    assert_eq!(refresh(&server.client(), &guest.refresh).await.code(), "bad_token");
}

#[tokio::test]
async fn who_is_switched_off_by_an_administrator_is_out_for_good() {
    let server = administered(false, false).await;
    let (root, guest) = (administrator(&server).await, server.guest("Ada").await);
    let path = format!("/api/admin/users/{}", guest.id);
    root.patch(&path, json!({ "active": false })).await.expect(200);
    root.patch(&path, json!({ "active": true })).await.expect(200);
    assert_eq!(refresh(&server.client(), &guest.refresh).await.code(), "bad_token");
    assert_eq!(root.with("x-forwarded-for", "10.0.0.1").get("/api/admin/users").await.code(), "forbidden");
}

#[tokio::test]
async fn administration_from_elsewhere_is_a_setting() {
    for proxied in [false, true] {
        let server = administered(true, proxied).await;
        let (root, guest) = (administrator(&server).await, server.guest("Ada").await);
        let path = format!("/api/admin/users/{}/sessions", guest.id);
        assert_eq!(root.with("x-forwarded-for", "10.0.0.1").delete(&path).await.status, 204);
        assert_eq!(guest.with("x-forwarded-for", "10.0.0.1").delete(&path).await.code(), "forbidden");
    }
}

#[tokio::test]
async fn a_new_password_of_the_administrator_replaces_the_old_one_at_the_next_start() {
    let server = administered(false, false).await;
    let session = log_in(&server, "root", "correct horse").await.expect(200);
    let (_, dir) = server.shut_down().ended().await;
    let set = |password: &'static str| {
        move |config: &mut Config| config.security.administrator = Some(("root".into(), password.into()))
    };
    let server = Server::start_in(dir, set("correct horse")).await;
    let next = refresh(&server.client(), &text(&session, "refreshToken")).await.expect(200);
    let (_, dir) = server.shut_down().ended().await;
    let server = Server::start_in(dir, set("another horse")).await;
    assert_eq!(log_in(&server, "root", "correct horse").await.code(), "bad_credentials");
    assert_eq!(log_in(&server, "root", "another horse").await.expect(200)["role"], "admin");
    assert_eq!(refresh(&server.client(), &text(&next, "refreshToken")).await.code(), "bad_token");
}

#[tokio::test]
async fn an_administrator_that_breaks_the_rules_is_refused_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config { data: dir.path().to_owned(), max_connections: 10, ..Config::default() };
    config.security.administrator = Some(("root".into(), "short".into()));
    let refused = serve(listener, config, async {}).await;
    let Err(StartError::Administrator(why)) = refused else { panic!("{refused:?}") };
    assert_eq!(why, "password has 5 characters: 8 to 128 are allowed");
}

/// Switched off directly in the store: nothing here decides when that happens.
#[tokio::test]
async fn an_account_that_was_switched_off_neither_logs_in_nor_goes_on() {
    let server = Server::start().await;
    let form = json!({ "username": "ada", "email": "ada@example.com", "password": "correct horse" });
    let session = server.client().post("/api/auth/register", form).await.expect(201);
    let store = rusqlite::Connection::open(server.dir.path().join("reference.db")).unwrap();
    store.execute("UPDATE users SET active = FALSE WHERE username = 'ada'", []).unwrap();
    let refused = log_in(&server, "ada", "correct horse").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "account_inactive"));
    assert_eq!(
        log_in(&server, "ada", "wrong horse").await.code(),
        "bad_credentials",
        "only its owner is told"
    );
    let token = text(&session, "refreshToken");
    assert_eq!(refresh(&server.client(), &token).await.code(), "account_inactive");
    store.execute("UPDATE users SET active = TRUE WHERE username = 'ada'", []).unwrap();
    assert_eq!(refresh(&server.client(), &token).await.code(), "bad_token", "the session has been ended");
    log_in(&server, "ada", "correct horse").await.expect(200);
}

#[tokio::test]
async fn tokens_are_in_no_cache_and_refresh_tokens_not_in_the_store() {
    let server = Server::start().await;
    let answer = server.client().post("/api/auth/guest", json!({ "name": "Ada" })).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let token = text(&answer.json(), "refreshToken");
    let (_, dir) = server.shut_down().ended().await;
    let random: Vec<u8> =
        (32..96).step_by(2).map(|at| u8::from_str_radix(&token[at..at + 2], 16).unwrap()).collect();
    let files = std::fs::read_dir(dir.path()).unwrap();
    let kept: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!kept.windows(32).any(|bytes| bytes == random), "the store holds the token itself");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &random);
    assert!(kept.windows(32).any(|bytes| bytes == hash.as_ref()), "and not even its hash");
}

#[tokio::test]
async fn a_route_of_the_session_takes_no_other_method() {
    let server = Server::start().await;
    for path in ["/api/auth/refresh", "/api/auth/logout"] {
        let answer = server.client().send(Method::GET, path, None).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (405, "method_not_allowed"));
        assert_eq!(answer.headers["allow"], "POST");
    }
}
